//! A sentence or two, or a line, out of Claude's prose.

use crate::analysis::bounded::shortened;

/// A result is at most this long, in bytes.
const MAX_RESULT_BYTES: usize = 260;
/// An achievement is at most this long, in bytes.
const MAX_LINE_BYTES: usize = 200;

/// A result shorter than this may leave the main thing out, in characters.
const LITTLE: usize = 60;

/// Whether the sentences leave room for what was done besides.
pub(super) fn says_little(result: &str) -> bool {
    result.chars().count() < LITTLE
}

/// The first two sentences that tell what came of something; plans ("Let me …"), cheers ("Great!") and what only
/// Claude gained ("Now I have all the context.") tell nothing of the kind.
pub(super) fn outcome_of(text: &str) -> Option<String> {
    let (prose, items) = lines_of(text);
    let only_leads_to_them = prose.iter().all(|line| line.ends_with([':', '：']));
    first_sentences(&prose).or_else(|| first_sentences(&items).filter(|_| only_leads_to_them))
}

/// The same, and nothing where there are only items of lists: those may as well be plans.
pub(super) fn prose_outcome_of(text: &str) -> Option<String> {
    first_sentences(&lines_of(text).0)
}

fn first_sentences(lines: &[String]) -> Option<String> {
    let sentences = lines.iter().flat_map(|line| split_sentences(line));
    let mut result = String::new();
    for sentence in sentences
        .filter(|sentence| !is_plan(sentence) && !is_cheer(sentence) && !is_insight(sentence))
        .take(2)
    {
        if !result.is_empty() && result.len() + sentence.len() >= MAX_RESULT_BYTES {
            break;
        }
        if !result.is_empty() {
            result.push(' ');
        }
        result.push_str(sentence);
        if !sentence.ends_with(['.', '!', '?', '。', '！', '…']) {
            result.push('.');
        }
    }
    (result.chars().count() > 3).then(|| shortened(&result, MAX_RESULT_BYTES))
}

/// Lines of a report that state something done: list items, without their marks.
pub(super) fn list_lines(text: &str) -> Vec<String> {
    let items = text.lines().filter(|line| line.len() - line.trim_start().len() < 4).filter_map(list_item);
    items
        .map(|item| shortened(&unmarked(item), MAX_LINE_BYTES))
        .filter(|item| item.chars().count() > 3)
        .collect()
}

/// The prose without headings, code, tables and marks, a line each, and the items of lists.
fn lines_of(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut in_code, mut of_a_plan) = (false, false);
    let (mut prose, mut items) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if !in_code
            && !line.is_empty()
            && !line.starts_with(['#', '|', '<', '=', '>'])
            && line != "---"
        {
            match list_item(line).or_else(|| list_item(line.trim_start_matches('*'))) {
                Some(item) if !of_a_plan => items.push(unmarked(item)),
                Some(_) => {}
                None => {
                    of_a_plan = leads_to_a_plan(line);
                    if !is_bold_heading(line) {
                        prose.push(unmarked(line));
                    }
                }
            }
        }
    }
    (prose, items)
}

/// "**Theme (light)**": a line that is bold from end to end and is no sentence.
fn is_bold_heading(line: &str) -> bool {
    let inner = line.strip_prefix("**").and_then(|line| line.strip_suffix("**"));
    inner.is_some_and(|inner| !inner.contains("**") && !inner.ends_with(['.', '!', '?', '。', '！', '…']))
}

/// "We should:", "I will need to do this:".
fn leads_to_a_plan(line: &str) -> bool {
    const WORDS: [&str; 10] =
        ["should", "need", "will", "let me", "i'll", "going to", "plan", "must", "have to", "to do"];
    let lower = line.replace('’', "'").to_lowercase();
    lower.trim_end_matches('*').ends_with([':', '：']) && WORDS.iter().any(|word| lower.contains(word))
}

/// What follows "- ", "* ", "• ", "1. ", "✅ ".
fn list_item(line: &str) -> Option<&str> {
    let line = line.trim();
    let bullets = ["- ", "* ", "• ", "✅", "✓", "✔", "☑"];
    if let Some(item) = bullets.iter().find_map(|bullet| line.strip_prefix(bullet)) {
        return Some(list_item(item).unwrap_or(item.trim()));
    }
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let item = rest.strip_prefix(". ").or(rest.strip_prefix(") "))?;
    (rest.len() < line.len()).then_some(item.trim())
}

/// Without emphasis and code marks.
fn unmarked(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.replace("**", "").replace('`', "").trim().to_owned()
}

fn split_sentences(line: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (at, mark) in line.char_indices().filter(|(_, c)| matches!(c, '.' | '!' | '?' | '。' | '！')) {
        let end = at + mark.len_utf8();
        let wide = matches!(mark, '。' | '！');
        // "1. Lexer" is one sentence, and so is "v1.2".
        if line[start..at].trim().bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        if wide || line[end..].starts_with(' ') || end == line.len() {
            sentences.push(line[start..end].trim());
            start = end;
        }
    }
    sentences.push(line[start..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Whether the sentence announces what comes next, in the languages in which headings are read.
fn is_plan(sentence: &str) -> bool {
    const STARTS: [&str; 34] = [
        "let me",
        "let's",
        "i'll",
        "i will",
        "i need to",
        "i'm going to",
        "next,",
        "next i",
        "first,",
        "first i",
        "i should",
        "i want to",
        "time to",
        "moving on",
        "going on with",
        "ich werde ",
        "lass mich ",
        "als nächstes ",
        "je vais ",
        "voy a ",
        "vou ",
        "vamos ",
        "adesso ",
        "давайте ",
        "давай ",
        "начну ",
        "начинаю ",
        "приступаю ",
        "让我",
        "接下来",
        "现在让我",
        "我来",
        "次に",
        "これから",
    ];
    let lower = sentence.replace('’', "'").to_lowercase();
    STARTS.iter().any(|start| lower.starts_with(start))
        || lower.contains("let me ")
        || lower.strip_prefix("now ").is_some_and(|rest| !is_state(rest))
        || lower.ends_with([':', '：'])
}

/// "(Now) all tests pass": how things are, not what comes next.
fn is_state(rest: &str) -> bool {
    const STATES: [&str; 9] = ["pass", "works", "work ", "is ", "are ", "has ", "have ", "can ", "builds"];
    !rest.starts_with("i ") && !rest.starts_with("for ") && STATES.iter().any(|state| rest.contains(state))
}

/// "Great!", "Excellent.", "Perfect! 🎉".
fn is_cheer(sentence: &str) -> bool {
    sentence.ends_with(['!', '.']) && sentence.split_whitespace().count() == 1
}

/// "Good, I have all the context.", "This is very comprehensive."
fn is_insight(sentence: &str) -> bool {
    const STARTS: [&str; 12] = [
        "i've read",
        "i have read",
        "i can see the",
        "i have all",
        "i have a ",
        "i have the ",
        "i have enough",
        "i now have",
        "i now understand",
        "i understand",
        "this is very comprehensive",
        "this is a comprehensive",
    ];
    let lower = sentence.to_lowercase();
    let told = ["good", "great", "perfect", "excellent", "ok", "okay", "now", "alright"]
        .iter()
        .find_map(|cheer| lower.strip_prefix(cheer)?.strip_prefix([',', ' ', '.', '!', '—']))
        .unwrap_or(&lower);
    let told = told.trim_start_matches(|c: char| !c.is_alphanumeric());
    STARTS.iter().any(|start| told.starts_with(start)) && !lower.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_cheers_headings_and_code_are_no_result() {
        let text =
            "## Done\n\nGreat! The build succeeded. Now let me commit.\n```\nok\n```\nAll **14** tests pass";
        assert_eq!(outcome_of(text).as_deref(), Some("The build succeeded. All 14 tests pass."));
        assert_eq!(outcome_of("Let me look. I'll start now:"), None);
        assert_eq!(outcome_of(""), None);
    }

    #[test]
    fn what_comes_next_and_what_only_claude_gained_are_no_result() {
        let text =
            "Good, I have all the context. Both are wired. Now Task #2: the docs. Now for the last one.";
        assert_eq!(outcome_of(text).as_deref(), Some("Both are wired."));
        assert_eq!(outcome_of("Now all 9 tests pass.").as_deref(), Some("Now all 9 tests pass."));
        assert_eq!(outcome_of("Excellent. This is a comprehensive analysis."), None);
    }

    #[test]
    fn a_sentence_before_the_one_that_leads_to_a_list_is_kept() {
        let text = "The report is written — 14 pages in `report.md`. Here is what it holds:\n- Summary";
        assert_eq!(prose_outcome_of(text).as_deref(), Some("The report is written — 14 pages in report.md."));
        assert_eq!(prose_outcome_of("Counted: all three.").as_deref(), Some("Counted: all three."));
    }

    #[test]
    fn a_line_in_bold_is_a_heading_unless_it_is_a_sentence() {
        assert_eq!(prose_outcome_of("**Theme (light)**\nIt builds.").as_deref(), Some("It builds."));
        assert_eq!(prose_outcome_of("**All 9 tests pass.**").as_deref(), Some("All 9 tests pass."));
        assert_eq!(prose_outcome_of("**Theme** is **light**").as_deref(), Some("Theme is light."));
    }

    #[test]
    fn plans_in_other_languages_are_no_result_either() {
        assert_eq!(prose_outcome_of("Отчёт создан. Давайте проверим его.").as_deref(), Some("Отчёт создан."));
        assert_eq!(prose_outcome_of("测试全部通过。接下来更新文档。").as_deref(), Some("测试全部通过。"));
        assert_eq!(prose_outcome_of("Ich werde die Datei lesen."), None);
    }

    #[test]
    fn items_of_a_list_may_be_plans_and_are_no_prose() {
        assert_eq!(prose_outcome_of("Changes:\n1. Lexer\n- `parser`"), None);
        assert_eq!(outcome_of("Now I see it. We should:\n1. Keep the lexer\n2. Drop the parser"), None);
        assert_eq!(prose_outcome_of("- Lexer\nIt builds.").as_deref(), Some("It builds."));
    }

    #[test]
    fn numbers_end_no_sentence_and_lists_serve_where_there_is_no_prose() {
        assert_eq!(outcome_of("All done. **1. Lexer**").as_deref(), Some("All done. 1. Lexer."));
        assert_eq!(outcome_of("Changes:\n1. Lexer\n- `parser`").as_deref(), Some("Lexer. parser."));
    }

    #[test]
    fn achievements_are_the_items_of_a_list_without_their_marks() {
        assert_eq!(
            list_lines("Done:\n- ✅ **Added** tests\n      - detail\n2) Fixed it\ntext"),
            ["Added tests", "Fixed it"]
        );
    }
}
