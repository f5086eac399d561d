//! Fitting a prior on finished runs.
//!
//! [`Course`]s are watched log by log; [`fit`] makes the prior of them. Not for reading files, and not for runs that
//! are going on. The same courses in the same order give the same numbers: nothing is drawn by lot, sums have a fixed
//! order, and every number is rounded to five digits.
//!
//! `log → course (39 moments) → line → trees on what the line leaves → interval from what blocks of runs that were left
//! out show`

mod boost;
mod course;
mod line;
mod spread;

#[cfg(test)]
mod tests;

pub use super::prior::Quality;
pub use course::{Course, Watch};

use super::features::Evidence;
use super::interval::Interval;
use super::prior::{About, Line, Prior, logistic};
use super::tree::Tree;
use course::Moment;

/// Fewer runs than this are no experience.
pub const LEAST_RUNS: usize = 20;
/// Into so many blocks of neighbouring runs the runs are parted for seeing how good the model is.
const BLOCKS: usize = 10;

/// By how much the log odds may be lowered, see [`caution`].
const CAUTIONS: [f64; 7] = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3];

/// Why nothing could be fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// There were too few runs that tell anything.
    #[error(
        "{0} finished runs of a minute or more with times of their own are too few; {LEAST_RUNS} are needed"
    )]
    TooFew(usize),
}

/// Fits a prior on finished runs.
///
/// The order of `courses` does not matter. Takes memory for some 16 KB a run and a few seconds for a hundred runs.
///
/// # Errors
///
/// When there are fewer than [`LEAST_RUNS`].
pub fn fit(mut courses: Vec<Course>) -> Result<Prior, FitError> {
    if courses.len() < LEAST_RUNS {
        return Err(FitError::TooFew(courses.len()));
    }
    courses.sort_by_key(Course::order);
    let unseen = unseen_odds(&courses);
    let caution = caution(&unseen);
    let seen = shown(&unseen, caution);
    let interval = spread::interval(&seen);
    let (first, last) = (&courses[0], &courses[courses.len() - 1]);
    let about = About {
        first_run: first.day(),
        last_run: last.day(),
        runs: courses.len(),
        cross_validated: quality(&seen, &interval),
    };
    let mut model = Model::fit(&courses.iter().collect::<Vec<_>>());
    model.line.start = rounded(model.line.start - caution);
    Ok(Prior {
        about,
        line: model.line,
        trees: model.trees.into(),
        interval,
        half_calls: half_calls(&courses),
    })
}

/// The parts of a prior that say how far a run is.
struct Model {
    line: Line,
    trees: Vec<Tree>,
}

/// A moment to learn from.
struct Sample<'c> {
    evidence: &'c Evidence,
    truth: f64,
    weight: f64,
}

impl Model {
    fn fit(courses: &[&Course]) -> Self {
        let samples: Vec<Sample<'_>> = courses
            .iter()
            .flat_map(|course| course.moments.iter().map(|moment| (course.weight, moment)))
            .map(|(weight, Moment { evidence, truth, .. })| Sample { evidence, truth: *truth, weight })
            .collect();
        let line = line::fit(&samples);
        let trees = boost::fit(&samples, &line);
        Self { line, trees }
    }

    fn log_odds(&self, evidence: &Evidence) -> f64 {
        self.line.log_odds(evidence) + self.trees.iter().map(|tree| tree.answer(evidence)).sum::<f64>()
    }
}

/// What models that had not seen a run said at its moments, in log odds.
struct Unseen<'c> {
    course: &'c Course,
    odds: Vec<f64>,
}

/// Each run by a model of the others: of all but the runs that began around the same time, since these are alike.
fn unseen_odds(courses: &[Course]) -> Vec<Unseen<'_>> {
    let block = |place: usize| place * BLOCKS / courses.len();
    let mut unseen = Vec::with_capacity(courses.len());
    for left_out in 0..BLOCKS {
        let (mut inside, mut outside) = (Vec::new(), Vec::new());
        for (place, course) in courses.iter().enumerate() {
            if block(place) == left_out { inside.push(course) } else { outside.push(course) }
        }
        let model = Model::fit(&outside);
        unseen.extend(inside.into_iter().map(|course| Unseen {
            course,
            odds: course.moments.iter().map(|moment| model.log_odds(&moment.evidence)).collect(),
        }));
    }
    unseen
}

/// What a client would have been shown at a moment.
struct Shown<'c> {
    moment: &'c Moment,
    share: f64,
    counts: bool,
}

impl Shown<'_> {
    /// In points of 100.
    fn error(&self) -> f64 {
        100.0 * (self.share - self.moment.truth).abs()
    }
}

/// The furthest that each run seemed to be until each moment, with the log odds lowered.
fn shown<'c>(unseen: &[Unseen<'c>], caution: f64) -> Vec<Shown<'c>> {
    let mut all = Vec::new();
    for Unseen { course, odds } in unseen {
        let mut furthest = 0.0_f64;
        for (moment, odds) in course.moments.iter().zip(odds) {
            furthest = furthest.max(logistic(odds - caution)).min(0.99);
            all.push(Shown { moment, share: furthest, counts: course.weight >= 1.0 });
        }
    }
    all
}

/// By how much less than it thinks the model should say: what is shown is the furthest that it ever thought, and so
/// leans to one side.
fn caution(unseen: &[Unseen<'_>]) -> f64 {
    let error = |caution: f64| mean_error(&shown(unseen, caution));
    let least = CAUTIONS.into_iter().min_by(|left, right| error(*left).total_cmp(&error(*right)));
    least.expect("there are cautions to choose from")
}

fn mean_error(shown: &[Shown<'_>]) -> f64 {
    let errors: Vec<f64> = shown.iter().filter(|shown| shown.counts).map(Shown::error).collect();
    errors.iter().sum::<f64>() / errors.len().max(1) as f64
}

fn quality(shown: &[Shown<'_>], interval: &Interval) -> Quality {
    let counted: Vec<&Shown<'_>> = shown.iter().filter(|shown| shown.counts).collect();
    let listed: Vec<&Shown<'_>> = counted.iter().copied().filter(|shown| shown.moment.listed).collect();
    let within = |shown: &Shown<'_>| shown.error() <= 20.0;
    let holds = |shown: &Shown<'_>| {
        let (earliest, latest) = interval.at(shown.share);
        (earliest..=latest).contains(&spread::ratio(shown))
    };
    Quality {
        points: counted.len(),
        mean_error: to_tenths(mean_error(shown)),
        within_20: percent(&counted, within),
        within_20_listed: percent(&listed, within),
        interval_holds: percent(&counted, holds),
    }
}

fn percent(among: &[&Shown<'_>], is: impl Fn(&Shown<'_>) -> bool) -> f64 {
    let count = among.iter().filter(|shown| is(shown)).count();
    to_tenths(100.0 * count as f64 / among.len().max(1) as f64)
}

/// Half the calls of a middling run.
fn half_calls(courses: &[Course]) -> f64 {
    let mut calls: Vec<u64> = courses.iter().map(|course| course.calls).collect();
    calls.sort_unstable();
    rounded((calls[calls.len() / 2] as f64 / 2.0).max(1.0))
}

/// To five significant digits: what is beyond them says nothing, and may differ from machine to machine.
fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().expect("a number that was just written")
}

fn to_tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
