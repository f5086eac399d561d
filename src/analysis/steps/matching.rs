//! Which item of the new list is which item of the old one, over renames, reorderings and replacements.
//!
//! In this order: the same name; the same item id with a kindred text; the same place between two known neighbours;
//! a similar text. An item that is done never becomes another one that is not: that is a new piece of work.

use super::StepStatus;
use super::todo::TodoItem;
use crate::analysis::bounded::head;

/// An item of the old list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) name: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) status: StepStatus,
    /// Whether the last list still had it; those that it had not can only come back under their own name.
    pub(super) listed: bool,
}

/// Two texts with at least this share of common letter pairs may be one item renamed.
const SIMILAR: f64 = 0.6;
/// With the same item id, less will do.
const KINDRED: f64 = 0.3;
/// Longer names are compared by their start, in bytes.
const COMPARED_BYTES: usize = 200;
/// Beyond this many items left over, only names and ids are compared: the work grows with the square.
const MAX_COMPARED: usize = 60;

/// For each item of the new list, the index of the old item that it is, if it is one.
pub(super) fn match_items(old: &[Known<'_>], new: &[TodoItem]) -> Vec<Option<usize>> {
    let mut matching = Matching { old, new, of_new: vec![None; new.len()], taken: vec![false; old.len()] };
    matching.by_name();
    matching.by_id();
    matching.by_place();
    matching.by_similarity();
    matching.of_new
}

struct Matching<'m> {
    old: &'m [Known<'m>],
    new: &'m [TodoItem],
    of_new: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Matching<'_> {
    fn pair(&mut self, old: usize, new: usize) {
        self.of_new[new] = Some(old);
        self.taken[old] = true;
    }

    /// Items still on the list come before those that had left it; equal names pair in their order.
    fn by_name(&mut self) {
        // The new list is short; the old one may be all that a long run ever had on it.
        let mut wanted: Vec<(&str, usize)> = self.new.iter().map(|item| item.name.trim()).zip(0..).collect();
        wanted.sort_unstable();
        for listed in [true, false] {
            for index in 0..self.old.len() {
                if wanted.is_empty() {
                    return;
                }
                let known = self.old[index];
                if known.listed != listed || self.taken[index] {
                    continue;
                }
                let name = known.name.trim();
                let place = wanted.partition_point(|(wanted, _)| *wanted < name);
                if wanted.get(place).is_some_and(|(wanted, _)| *wanted == name) {
                    let (_, new) = wanted.remove(place);
                    self.pair(index, new);
                }
            }
        }
    }

    fn by_id(&mut self) {
        for index in self.open_new() {
            let Some(id) = self.new[index].id.as_deref() else { continue };
            let same = self.open_old().find(|old| self.old[*old].id == Some(id));
            if let Some(old) = same.filter(|old| self.may_pair(*old, index, KINDRED)) {
                self.pair(old, index);
            }
        }
    }

    /// Runs of left-over items between the same two neighbours, of the same length, are renamed in place.
    fn by_place(&mut self) {
        let anchored = self.of_new.iter().any(Option::is_some);
        let listed: Vec<usize> = (0..self.old.len()).filter(|old| self.old[*old].listed).collect();
        let mut start = 0;
        while anchored && start < self.new.len() {
            if self.of_new[start].is_some() {
                start += 1;
                continue;
            }
            let end = (start..self.new.len()).find(|i| self.of_new[*i].is_some()).unwrap_or(self.new.len());
            if let Some(gap) = self.old_gap(&listed, start, end) {
                for (old, new) in gap.into_iter().zip(start..end) {
                    if self.may_pair(old, new, 0.0) {
                        self.pair(old, new);
                    }
                }
            }
            start = end;
        }
    }

    /// The old items between the neighbours of `new[start..end]`, where there are as many and all are left over.
    fn old_gap(&self, listed: &[usize], start: usize, end: usize) -> Option<Vec<usize>> {
        let place = |new: usize| listed.iter().position(|old| Some(*old) == self.of_new[new]);
        let from = if start == 0 { 0 } else { place(start - 1)? + 1 };
        let to = if end == self.new.len() { listed.len() } else { place(end)? };
        let gap = listed.get(from..to)?;
        (gap.len() == end - start && gap.iter().all(|old| !self.taken[*old])).then(|| gap.to_vec())
    }

    fn by_similarity(&mut self) {
        let open: Vec<usize> = self.open_new().collect();
        if open.len() > MAX_COMPARED || self.open_old().count() > MAX_COMPARED {
            return;
        }
        let pairs_of = |old: usize| (old, Pairs::of(self.old[old].name));
        let mut old: Vec<(usize, Pairs)> =
            if open.is_empty() { Vec::new() } else { self.open_old().map(pairs_of).collect() };
        for index in open {
            let new = Pairs::of(&self.new[index].name);
            let similar = old.iter().enumerate().map(|(place, (_, pairs))| (place, pairs.share_with(&new)));
            let best = similar.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
            if let Some((place, _)) = best.filter(|(_, similarity)| *similarity >= SIMILAR) {
                let (known, _) = old.remove(place);
                self.pair(known, index);
            }
        }
    }

    fn open_new(&self) -> impl Iterator<Item = usize> + use<> {
        let open: Vec<usize> = (0..self.new.len()).filter(|i| self.of_new[*i].is_none()).collect();
        open.into_iter()
    }

    fn open_old(&self) -> impl Iterator<Item = usize> {
        (0..self.old.len()).filter(|i| !self.taken[*i] && self.old[*i].listed)
    }

    /// Done and not done are two pieces of work, unless the words say otherwise.
    fn may_pair(&self, old: usize, new: usize, least: f64) -> bool {
        let undone =
            self.old[old].status == StepStatus::Completed && self.new[new].status != StepStatus::Completed;
        let least = if undone { SIMILAR.max(least) } else { least };
        least <= 0.0 || self.similarity(old, new) >= least
    }

    fn similarity(&self, old: usize, new: usize) -> f64 {
        Pairs::of(self.old[old].name).share_with(&Pairs::of(&self.new[new].name))
    }
}

/// The letter pairs of a name: its start in lower case, without blanks.
struct Pairs {
    text: String,
    /// Sorted, each as often as it occurs.
    pairs: Vec<(char, char)>,
}

impl Pairs {
    fn of(name: &str) -> Self {
        let mut text = head(name, COMPARED_BYTES).to_lowercase();
        text.retain(|c| !c.is_whitespace());
        let mut pairs: Vec<_> = text.chars().zip(text.chars().skip(1)).collect();
        pairs.sort_unstable();
        Self { text, pairs }
    }

    /// The Sørensen–Dice coefficient: the share of pairs that both have, 0–1.
    fn share_with(&self, other: &Self) -> f64 {
        if self.text == other.text {
            return 1.0;
        }
        if self.text.len() < 2 || other.text.len() < 2 {
            return 0.0;
        }
        let (mut mine, mut others, mut common) = (self.pairs.as_slice(), other.pairs.as_slice(), 0_usize);
        while let ([my, my_rest @ ..], [their, their_rest @ ..]) = (mine, others) {
            let order = my.cmp(their);
            common += usize::from(order.is_eq());
            mine = if order.is_le() { my_rest } else { mine };
            others = if order.is_ge() { their_rest } else { others };
        }
        // By bytes: a letter of several weighs as many.
        (2 * common) as f64 / (self.text.len() + other.text.len() - 2) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pairs_are_compared_as_usual(a in "[ab cé\n]{0,12}", b in "[ab cé\n]{0,12}") {
            let share = Pairs::of(&a).share_with(&Pairs::of(&b));
            prop_assert_eq!(share.to_bits(), strsim::sorensen_dice(&a, &b).to_bits(), "{}", share);
        }
    }
}
