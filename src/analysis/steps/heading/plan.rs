//! A numbered plan, and the sentences that later take up its items: "I will: 1. Read the parser …" and then "Now let me
//! read the parser."

use std::collections::HashSet;

use super::{Form, Heading, Number, prose_lines, shown_name};

/// Fewer items are no plan, and more are a report.
const ITEMS: std::ops::RangeInclusive<usize> = 3..=15;
/// In a longer message nothing is taken up, in bytes.
const MAX_TEXT_BYTES: usize = 600;
/// Shorter words tell little, in characters.
const LEAST_WORD: usize = 3;
/// So much of an item's words must come again.
const LEAST_SHARE: f64 = 0.7;
/// The series that a plan's items are.
const LABEL: &str = "(plan)";

/// Words of a line that leads to a plan.
const LEADS: [&str; 24] = [
    "plan",
    "i will",
    "i'll",
    "i need to",
    "let me",
    "going to",
    "steps",
    "план",
    "нужно",
    "буду",
    "шаги",
    "vou",
    "preciso",
    "plano",
    "voy a",
    "necesito",
    "werde",
    "muss",
    "je vais",
    "étapes",
    "计划",
    "需要",
    "手順",
    "予定",
];

/// The items of a plan, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::analysis) struct Plan {
    items: Vec<String>,
}

impl Plan {
    /// Reads a message with one list, numbered from 1, that a line announces as a plan.
    pub(in crate::analysis) fn of(text: &str) -> Option<Self> {
        let may_hold_first_item = || ["1.", "1)", "1、"].iter().any(|item| text.contains(item));
        if text.len() > 4 * MAX_TEXT_BYTES || !may_hold_first_item() {
            return None;
        }
        let lines = prose_lines(text);
        let first = lines.iter().position(|line| item(line).is_some_and(|(number, _)| number == 1))?;
        let lead = lines[..first].last()?.replace('’', "'").to_lowercase();
        if !LEADS.iter().any(|word| lead.contains(word)) {
            return None;
        }
        let numbered: Vec<(usize, &str)> = lines[first..].iter().filter_map(|line| item(line)).collect();
        let in_order = numbered.iter().zip(1..).all(|((number, _), place)| *number == place);
        (in_order && ITEMS.contains(&numbered.len()))
            .then(|| Self { items: numbered.into_iter().map(|(_, item)| shown_name(item)).collect() })
    }

    /// The item that a short message takes up with its first sentence, where it can only be that one.
    pub(in crate::analysis) fn taken_up(&self, text: &str) -> Option<Heading> {
        if self.items.is_empty() || text.len() > MAX_TEXT_BYTES || Self::of(text).is_some() {
            return None;
        }
        let line = prose_lines(text).into_iter().next_back()?.to_lowercase();
        let said = words(&line);
        let is_taken = |item: &String| {
            let item = item.to_lowercase();
            let words = words(&item);
            let again = words.iter().filter(|word| said.contains(*word)).count();
            (words.len() >= 2 && again as f64 >= LEAST_SHARE * words.len() as f64) || line.contains(&item)
        };
        let mut taken = self.items.iter().zip(1..).filter(|(item, _)| is_taken(item));
        let ((item, place), None) = (taken.next()?, taken.next()) else { return None };
        let number = Number { major: place, minor: 0 };
        Some(Heading { form: Form::Worded, label: LABEL.into(), number, last: number, name: item.clone() })
    }

    /// The share of the items before the one of this number, 0–1; nothing where the series is not this plan's.
    pub(in crate::analysis) fn share_before(&self, label: &str, number: u32) -> Option<f64> {
        let items = self.items.len();
        let before = usize::try_from(number).ok()?.checked_sub(1)?;
        (label == LABEL && before < items).then(|| before as f64 / items as f64)
    }

    pub(in crate::analysis) fn heap_bytes(&self) -> usize {
        self.items.iter().map(|item| size_of::<String>() + item.capacity()).sum()
    }
}

/// The number and the text of "2. Write the lexer".
fn item(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_start_matches("**");
    let text = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = line[..line.len() - text.len()].parse().ok()?;
    let text = text.strip_prefix(['.', ')', '、'])?.trim();
    (!text.is_empty()).then_some((number, text))
}

fn words(text: &str) -> HashSet<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= LEAST_WORD).collect()
}
