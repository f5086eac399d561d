//! The notes on one state of a log as they are written, which are the same for everybody who asks within the same second.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::answer::Answer;
use super::members::Members;
use crate::analysis::{Additions, CacheOutcome, Context, Detail, Enhancement, RunStatus, Timestamp};
use crate::comparison::{Broken, Course, Usefulness, prove_list};

/// What notes depend on beside the log.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Basis {
    /// As of when they are: of a run that goes on, the end of the second in which they were asked for; of one that has
    /// ended, no time makes a difference.
    at: Option<DateTime<Utc>>,
    status: RunStatus,
    max_turns: Option<u64>,
    detail: Detail,
    compat_fields: bool,
    /// What the upstream's answer says, which counts once the run has ended.
    turns: Option<u64>,
    cost_usd: Option<f64>,
}

impl Basis {
    /// Of notes with this context, for this answer.
    pub(super) fn of(context: &Context, status: RunStatus, answer: &Answer) -> Self {
        Self {
            at: (status == RunStatus::Running).then(|| end_of_second(context.now)),
            status,
            max_turns: context.max_turns,
            detail: context.detail,
            compat_fields: context.compat_fields,
            turns: answer.turns,
            cost_usd: answer.cost_usd,
        }
    }

    /// As of when notes are to be made that are asked for at `now`.
    pub(super) fn now(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.at.unwrap_or(now)
    }
}

/// Of the two ends of a second the later one, so that nothing which is expected is already past.
fn end_of_second(now: DateTime<Utc>) -> DateTime<Utc> {
    let begin = now.trunc_subsecs(0);
    if begin == now { now } else { begin + TimeDelta::seconds(1) }
}

/// The members to be added, written once.
#[derive(Debug)]
pub(super) struct Written {
    basis: Basis,
    /// Those before and after `enhancement`, which says when it was asked for.
    before: Members,
    after: Members,
    enhancement: Dated,
    /// What they say of the run's end.
    pub(super) course: Course,
    /// What they bring, whatever the upstream's answer has.
    usefulness: Usefulness,
    /// That they are JSON members, each with a name of its own.
    proof: Result<(), Broken>,
}

impl Written {
    /// Writes `additions`.
    pub(super) fn new(basis: Basis, additions: &Additions, course: Course, usefulness: Usefulness) -> Self {
        let (mut before, mut after) = (Members::default(), Members::default());
        let mut is_before = true;
        for (name, value) in additions.members() {
            if name == ENHANCEMENT {
                is_before = false;
            } else if is_before {
                before.push(name, &value);
            } else {
                after.push(name, &value);
            }
        }
        let enhancement = Dated::new(&additions.enhancement);
        let sample = enhancement.at(additions.enhancement.generated_at, additions.enhancement.cache);
        let proof = proved(&[&before, &sample, &after]);
        Self { basis, before, after, enhancement, course, usefulness, proof }
    }

    /// Whether it is what would be written now.
    pub(super) fn is_on(&self, basis: &Basis) -> bool {
        self.basis == *basis
    }

    /// The member that differs from answer to answer.
    pub(super) fn enhancement(&self, context: &Context) -> Members {
        self.enhancement.at(Timestamp::to_millisecond(context.now), context.cache)
    }

    /// All members in their order.
    pub(super) fn lists<'w>(&'w self, enhancement: &'w Members) -> [&'w Members; 3] {
        [&self.before, enhancement, &self.after]
    }

    /// Whether they are JSON members, each with a name of its own; looked at when they were written. What differs from
    /// answer to answer is a time and a word, which no other text can be in the place of.
    pub(super) fn proof(&self) -> Result<(), Broken> {
        self.proof
    }

    /// What they bring beside an answer that has a result of its own or not.
    pub(super) fn usefulness(&self, basic_result: bool) -> Usefulness {
        Usefulness { basic_result, ..self.usefulness }
    }

    /// How much memory it holds, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.before.heap_bytes() + self.after.heap_bytes() + self.enhancement.heap_bytes()
    }
}

/// The member `enhancement` without what differs from answer to answer, so that it need not be written anew for each.
#[derive(Debug)]
struct Dated {
    before_time: String,
    before_cache: String,
    end: String,
}

impl Dated {
    fn new(enhancement: &Enhancement) -> Self {
        let whole = enhancement.to_json();
        // The names occur once: all values are numbers and words of gloss's own.
        let split = |text: &str, name: &str| {
            let start = text.find(name)? + name.len();
            let end = start + text.get(start..)?.find('"')?;
            Some((text.get(..start)?.to_owned(), text.get(end..)?.to_owned()))
        };
        let (before_time, rest) = split(&whole, "\"generated_at\":\"").unwrap_or_default();
        let (before_cache, end) = split(&rest, "\"cache\":\"").unwrap_or_default();
        Self { before_time, before_cache, end }
    }

    fn at(&self, time: Timestamp, cache: CacheOutcome) -> Members {
        let Self { before_time, before_cache, end } = self;
        let length = before_time.len() + before_cache.len() + end.len() + 64;
        let mut members = Members::with_capacity(1, length);
        members.push_with(ENHANCEMENT, |value| {
            value.push_str(before_time);
            time.write_to(value);
            value.push_str(before_cache);
            value.push_str(cache.as_str());
            value.push_str(end);
        });
        members
    }

    fn heap_bytes(&self) -> usize {
        self.before_time.capacity() + self.before_cache.capacity() + self.end.capacity()
    }
}

const ENHANCEMENT: &str = "enhancement";

/// That these are lists of JSON members, and all names different and as they are said to be.
fn proved(lists: &[&Members]) -> Result<(), Broken> {
    let mut names = Vec::new();
    for list in lists.iter().filter(|list| !list.text().is_empty()) {
        let found = prove_list(list.text())?;
        if !found.iter().map(|added| added.name.as_str()).eq(list.each().map(|(name, _)| name)) {
            return Err(Broken::Insertion);
        }
        names.extend(found.into_iter().map(|added| added.name));
    }
    names.sort_unstable();
    let is_odd = names.windows(2).any(|pair| pair.first() == pair.last());
    if is_odd { Err(Broken::Insertion) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::LogSourceKind;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::to_millisecond(DateTime::from_timestamp_millis(milliseconds).unwrap())
    }

    #[test]
    fn a_dated_member_is_what_would_have_been_written() {
        let mut enhancement =
            Enhancement { log_source: LogSourceKind::Body, log_bytes: 7, ..Enhancement::default() };
        let dated = Dated::new(&enhancement);
        for (milliseconds, cache) in [(0, CacheOutcome::Hit), (1_760_000_000_120, CacheOutcome::Incremental)]
        {
            (enhancement.generated_at, enhancement.cache) = (at(milliseconds), cache);
            let expected = format!("\"enhancement\":{}", enhancement.to_json());
            assert_eq!(dated.at(at(milliseconds), cache).text(), expected);
        }
    }

    #[test]
    fn what_is_made_for_a_second_is_made_for_its_end() {
        let half = DateTime::from_timestamp_millis(10_500).unwrap();
        assert_eq!(end_of_second(half), DateTime::from_timestamp_millis(11_000).unwrap());
        let whole = DateTime::from_timestamp_millis(10_000).unwrap();
        assert_eq!(end_of_second(whole), whole);
    }
}
