//! The words for a step, and the ways to count, in the languages that runs are written in.

use super::Number;

/// Words for a step, as alternatives of a pattern: English, German, French, Spanish, Portuguese, Italian, Dutch,
/// Polish, Russian, Ukrainian, Turkish, Chinese, Japanese, Korean.
pub(super) const STEP: &str = "steps?|phase|stage|part|milestone|iteration|round|wave|experiment|exp|\
    schritte?|teil|etappe|abschnitt|étapes?|partie|pasos?|fase|etapas?|parte|passos?|passo|fasi|stappen|stap|deel|\
    kroki?|etap|faza|шаги?|шагу|шага|этапы?|этапу|этапа|фаза|фазе|фазы|фазу|часть|части|волна|крок|етап|\
    adım|aşama|步骤|步驟|阶段|階段|ステップ|フェーズ|手順|단계|스텝";

/// How those of [`STEP`] begin that are written in ASCII, with nothing in the list that begins like another.
pub(super) const STEMS: &[(&str, ())] = &[
    ("step", ()),
    ("phase", ()),
    ("stage", ()),
    ("part", ()),
    ("milestone", ()),
    ("iteration", ()),
    ("round", ()),
    ("wave", ()),
    ("exp", ()),
    ("schritt", ()),
    ("teil", ()),
    ("etap", ()),
    ("abschnitt", ()),
    ("paso", ()),
    ("passo", ()),
    ("fase", ()),
    ("fasi", ()),
    ("stap", ()),
    ("deel", ()),
    ("krok", ()),
    ("faza", ()),
];

/// How the other words begin, in lower case.
const OTHER_STEMS: &[&str] = &[
    "étape", "шаг", "этап", "фаз", "част", "волн", "крок", "етап", "adı", "aşa", "步", "阶", "階", "ステ",
    "フェ", "手順", "단계", "스텝",
];

/// Whether a word begins like one for a step.
pub(super) fn begins_like_a_step(word: &str) -> bool {
    let begins_with = |stem: &str| {
        word.as_bytes().get(..stem.len()).is_some_and(|start| start.eq_ignore_ascii_case(stem.as_bytes()))
    };
    let begins_by_unicode_with = |stem: &str| {
        let mut letters = word.chars().flat_map(char::to_lowercase);
        stem.chars().all(|letter| letters.next() == Some(letter))
    };
    STEMS.iter().any(|(stem, ())| begins_with(stem))
        || (!word.is_ascii() && OTHER_STEMS.iter().any(|stem| begins_by_unicode_with(stem)))
}

/// Those that follow the word before without a space.
pub(super) const UNSPACED: &str = "步骤|步驟|阶段|階段|ステップ|フェーズ|手順|단계";

/// What stands after the numeral in "第一步", "第2フェーズ".
pub(super) const COUNTED: &str = "步|阶段|階段|段階|部分|ステップ|フェーズ";

/// A number: figures with an optional second level, one capital letter, or Chinese figures.
pub(super) const NUMBER: &str = r"[0-9]{1,3}(?:\.[0-9]{1,2})?|(?-i:[A-H])\b|[一二三四五六七八九十]{1,3}";

/// Whether a text without any such character can be skipped at once.
pub(super) fn may_number(c: char) -> bool {
    c.is_ascii_digit() || c.is_ascii_uppercase() || "一二三四五六七八九十".contains(c)
}

/// Reads what [`NUMBER`] matches.
pub(super) fn number(text: &str) -> Option<Number> {
    let (major, minor) = text.split_once('.').unwrap_or((text, ""));
    let minor = if minor.is_empty() { 0 } else { minor.parse().ok()? };
    let major = match major.chars().next()? {
        '0'..='9' => major.parse().ok()?,
        letter @ 'A'..='H' => u32::from(letter) - u32::from('A') + 1,
        _ => chinese(major)?,
    };
    Some(Number { major, minor })
}

/// 一 to 九十九.
fn chinese(text: &str) -> Option<u32> {
    let figure =
        |c: char| "一二三四五六七八九".chars().zip(1..).find(|(known, _)| *known == c).map(|(_, n)| n);
    let ends = |text: &str| match text.chars().next() {
        None => Some(None),
        Some(c) => figure(c).map(Some),
    };
    match text.split_once('十') {
        Some((tens, ones)) => Some(ends(tens)?.unwrap_or(1) * 10 + ends(ones)?.unwrap_or(0)),
        None => ends(text)?,
    }
}

/// One word for all its numbers and cases, so that "Steps 3–5" follows "Step 2".
pub(super) fn label(word: &str) -> String {
    let word = word.trim().to_lowercase();
    let same: [(&str, &[&str]); 8] = [
        ("step", &["steps"]),
        ("exp", &["experiment", "experiments"]),
        ("schritt", &["schritte"]),
        ("étape", &["étapes"]),
        ("paso", &["pasos"]),
        ("passo", &["passos"]),
        ("шаг", &["шаги", "шагу", "шага"]),
        ("этап", &["этапы", "этапу", "этапа"]),
    ];
    let known = same.iter().find(|(_, forms)| forms.contains(&word.as_str()));
    known.map_or(word, |(label, _)| (*label).to_owned())
}

/// Whether a title says that the step is over: such a heading reports, it does not announce.
pub(super) fn says_done(title: &str) -> bool {
    const DONE: [&str; 18] = [
        "complete",
        "completed",
        "done",
        "finished",
        "passed",
        "results",
        "summary",
        "abgeschlossen",
        "fertig",
        "erledigt",
        "terminé",
        "completado",
        "concluíd",
        "заверш",
        "готов",
        "выполнен",
        "完成",
        "完了",
    ];
    let title = title.to_lowercase();
    let title = title.trim_matches(|c: char| !c.is_alphanumeric());
    DONE.iter().any(|done| title.starts_with(done) && title.chars().count() < done.chars().count() + 12)
        || ["complete", "completed", "done", "完成", "完了"].iter().any(|done| title.ends_with(done))
        || title.ends_with('✅')
}
