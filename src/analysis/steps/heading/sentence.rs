//! A step announced in a sentence: "All tests pass. Now step 3 — the docs."

use std::sync::LazyLock;

use regex::Regex;

use super::words::{NUMBER, STEMS, STEP, UNSPACED, label, number, says_done};
use crate::analysis::needles::{Needles, is_plain};

use super::{Announcement, Form, Heading, shown_name};

/// In a longer message a sentence is no announcement any more, in bytes.
const MAX_TEXT_BYTES: usize = 1_500;

/// How sentences begin that tell what is done next.
const NEXT: &str = "now|next|let['’]s|let me|i['’]ll|i will|i['’]m|starting|start|moving|proceeding|continuing|beginning|onto|on to|\
    on with|time for|jetzt|nun|weiter|als nächstes|maintenant|passons|je passe|ahora|voy a|vamos|pasando|siguiente|agora|vou|\
    passando|próximo|próxima|começando|iniciando|ora|passo a|теперь|сейчас|перехожу|переходим|начинаю|начинаем|начнём|\
    начнем|далее|приступаю|приступаем|тепер|现在|接下来|开始|进入|次に|それでは|続いて|이제|다음";

static SENTENCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?i)(?:^|[.!?。！？]\s*|\n\s*)[^\p{{L}}\n]{{0,6}}(?:{NEXT})[^.!?。！\n]{{0,50}}?(?:(?:^|[^\p{{L}}])(?P<word>{STEP})|(?P<unspaced>{UNSPACED}))\s*[#№]?\s*(?P<number>{NUMBER})(?:[-–](?P<last>[0-9]{{1,3}}))?\**(?:\s*\([^)\n]{{1,40}}\))?\**(?:\s*[:：—–]|\s+-\s|\s+(?:for|to|für|zum|zur|pour|para|для)\s)\s*(?P<title>[^\n]*)"
    ))
    .expect("the pattern is fixed and compiles")
});

/// The second step that a sentence may go on to name.
static STEM_WORDS: Needles<()> = Needles::in_any_case(STEMS);

static ANOTHER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"(?i)[,;]?\s*(?:and|then|und|et|y|e|и|,)\s+(?:then\s+)?(?:{STEP})\s*{NUMBER}"))
        .expect("the pattern is fixed and compiles")
});

/// Reads a short message.
pub(super) fn announcement(text: &str) -> Option<Announcement<'_>> {
    if text.len() > MAX_TEXT_BYTES || !may_announce(text) {
        return None;
    }
    let found = SENTENCE.captures(text)?;
    let word = found.name("word").or(found.name("unspaced"))?;
    let title = first_sentence(found.name("title")?.as_str());
    let first = number(found.name("number")?.as_str())?;
    let last = found.name("last").and_then(|last| number(last.as_str())).filter(|last| *last > first);
    if says_done(title) || !title.chars().any(char::is_alphabetic) {
        return None;
    }
    let end = found.name("title")?.start() + title.len();
    let heading = Heading {
        form: Form::Worded,
        label: label(word.as_str()),
        number: first,
        last: last.unwrap_or(first),
        name: capitalised(&shown_name(&text[word.start()..end])),
    };
    let whole = found.get(0)?;
    let mark = whole.as_str().chars().next().filter(|c| ".!?。！？".contains(*c)).map_or(0, char::len_utf8);
    let before = text[..whole.start() + mark].trim();
    Some(Announcement { heading, before, after: text[end..].trim() })
}

/// Whether [`SENTENCE`] is worth a try: a word for a step and a number right behind it, which most texts have not.
fn may_announce(text: &str) -> bool {
    !is_plain(text)
        || STEM_WORDS.find(text).any(|found| {
            let word_end = found.after.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            let last = found.after[..found.after.len() - word_end.len()].bytes().next_back();
            // "StepA" has its number within.
            let is_lettered = last.is_some_and(|letter| letter.is_ascii_uppercase());
            let rest = word_end.trim_start_matches(|c: char| c.is_whitespace() || c == '#' || !c.is_ascii());
            let is_numbered = rest.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase());
            found.begins_letters() && (is_lettered || is_numbered)
        })
}

fn capitalised(name: &str) -> String {
    let mut rest = name.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// As far as the sentence is about this step.
fn first_sentence(title: &str) -> &str {
    let another = ANOTHER.find(title).map(|another| another.start());
    let ends = [". ", "! ", "? ", "。", "！"].iter().filter_map(|mark| title.find(mark));
    title[..ends.chain(another).min().unwrap_or(title.len())].trim_end()
}
