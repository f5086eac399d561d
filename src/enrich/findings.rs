//! What is to be learnt from the notes of an answer, for the comparison. Pure.

use chrono::{DateTime, Utc};

use super::answer::Answer;
use crate::analysis::{Additions, ProgressSummary, RunStatus};
use crate::comparison::{Course, Prediction, Usefulness};

/// What the notes brought, as of when they were made.
pub(super) fn usefulness(answer: &Answer, status: RunStatus, additions: &Additions) -> Usefulness {
    let running = additions.workflow_steps.as_ref().map(|steps| !steps.steps.is_empty());
    let ended = additions.step_by_step_results.as_ref().map(|steps| !steps.is_empty());
    let final_result = additions.final_result.as_ref().and_then(Option::as_deref);
    Usefulness {
        status,
        basic_result: answer.has_result,
        enhanced_result: final_result.is_some_and(|text| !text.trim().is_empty()),
        steps: running.or(ended),
        has_eta: eta(additions).is_some(),
    }
}

/// What they say of the run's end. `ended_at` is when its log ends; `now` is as of when they are.
pub(super) fn course(
    status: RunStatus,
    additions: &Additions,
    ended_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Course {
    match status {
        RunStatus::Running => match eta(additions) {
            Some((progress, expected)) => Course::Predicted(prediction(progress, expected, now)),
            None => Course::Open,
        },
        RunStatus::Completed => ended_at.map_or(Course::CutOff, Course::Ended),
        RunStatus::Failed | RunStatus::Timeout | RunStatus::Killed => Course::CutOff,
    }
}

fn eta(additions: &Additions) -> Option<(&ProgressSummary, DateTime<Utc>)> {
    let progress = additions.progress_summary.as_ref()?;
    Some((progress, progress.estimated_completion?.0))
}

fn prediction(progress: &ProgressSummary, expected: DateTime<Utc>, now: DateTime<Utc>) -> Prediction {
    let interval = progress.earliest_completion.zip(progress.latest_completion);
    Prediction {
        at: now,
        percent: progress.completion_percentage,
        expected,
        interval: interval.map(|(earliest, latest)| (earliest.0, latest.0)),
    }
}
