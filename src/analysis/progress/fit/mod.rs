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
    let seen = unseen_shares(&courses);
    let interval = spread::interval(&seen);
    let (first, last) = (&courses[0], &courses[courses.len() - 1]);
    let about = About {
        first_run: first.day(),
        last_run: last.day(),
        runs: courses.len(),
        cross_validated: quality(&seen, &interval),
    };
    let model = Model::fit(&courses.iter().collect::<Vec<_>>());
    Ok(Prior { about, line: model.line, trees: model.trees, interval, half_calls: half_calls(&courses) })
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

    fn share(&self, evidence: &Evidence) -> f64 {
        logistic(
            self.line.log_odds(evidence) + self.trees.iter().map(|tree| tree.answer(evidence)).sum::<f64>(),
        )
    }
}

/// What a model that had not seen the run said at one of its moments.
struct Unseen<'c> {
    moment: &'c Moment,
    share: f64,
    counts: bool,
}

/// Each run by a model of the others: of all but the runs that began around the same time, since these are alike.
fn unseen_shares(courses: &[Course]) -> Vec<Unseen<'_>> {
    let block = |place: usize| place * BLOCKS / courses.len();
    (0..BLOCKS)
        .flat_map(|left_out| {
            let (mut inside, mut outside) = (Vec::new(), Vec::new());
            for (place, course) in courses.iter().enumerate() {
                if block(place) == left_out { inside.push(course) } else { outside.push(course) }
            }
            let model = Model::fit(&outside);
            inside.into_iter().flat_map(move |course| {
                let mut furthest = 0.0_f64;
                course
                    .moments
                    .iter()
                    .map(|moment| {
                        furthest = furthest.max(model.share(&moment.evidence)).min(0.99);
                        Unseen { moment, share: furthest, counts: course.weight >= 1.0 }
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect()
}

fn quality(seen: &[Unseen<'_>], interval: &Interval) -> Quality {
    let counted: Vec<&Unseen<'_>> = seen.iter().filter(|unseen| unseen.counts).collect();
    let error = |unseen: &&Unseen<'_>| 100.0 * (unseen.share - unseen.moment.truth).abs();
    let percent = |of: &dyn Fn(&&Unseen<'_>) -> bool, among: &dyn Fn(&&Unseen<'_>) -> bool| {
        let among: Vec<_> = counted.iter().copied().filter(|unseen| among(unseen)).collect();
        let count = among.iter().filter(|unseen| of(unseen)).count();
        to_tenths(100.0 * count as f64 / among.len().max(1) as f64)
    };
    let all = |_: &&Unseen<'_>| true;
    let within = |unseen: &&Unseen<'_>| error(unseen) <= 20.0;
    let holds = |unseen: &&Unseen<'_>| {
        let (earliest, latest) = interval.at(unseen.share);
        (earliest..=latest).contains(&spread::ratio(unseen))
    };
    let sum: f64 = counted.iter().map(error).sum();
    Quality {
        points: counted.len(),
        mean_error: to_tenths(sum / counted.len().max(1) as f64),
        within_20: percent(&within, &all),
        within_20_listed: percent(&within, &|unseen| unseen.moment.listed),
        interval_holds: percent(&holds, &all),
    }
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
