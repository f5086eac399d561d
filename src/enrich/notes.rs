//! From an answer of the upstream's and the run's log to the enhanced body.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::attempt::{Attempt, Notes, OwnLogs, Times, Told};
use super::exchange::{EnrichParams, Enricher};
use super::fallback::Fallback;
use super::findings;
use super::members::Members;
use super::merge::{Enhanced, Logs, merge};
use super::written::{Basis, Written};
use crate::analysis::{self, Beside, Detail, LogSourceKind, RunStatus};
use crate::comparison::{Course, Usefulness};
use crate::route::{StatusRequest, Wishes};
use crate::run_id::RunId;
use crate::runlog::BodyText;
use crate::telemetry::{self, StageTimes};

/// What notes are wanted for.
pub(super) struct NotesFor<'a> {
    pub(super) asked: &'a StatusRequest,
    /// When the answer was there.
    pub(super) arrived: Instant,
    /// The answer's own logs, where they stand in it no more.
    pub(super) own_logs: Option<OwnLogs>,
}

/// An enhanced body, and what it was made from.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) body: Enhanced,
    pub(super) notes: Notes,
    pub(super) usefulness: Usefulness,
}

impl Enricher {
    /// The enhanced body, and what it was made from. What it tells of the run's end is kept, for the comparison.
    pub(super) async fn notes_for(
        &self,
        body: &Bytes,
        attempt: Attempt,
        from: NotesFor<'_>,
        times: &mut StageTimes,
    ) -> Result<Made, Fallback> {
        let NotesFor { asked, arrived, own_logs } = from;
        let answer = self.answers.read(body).map_err(|_| Fallback::NotJson)?;
        if self.denies(&answer) {
            return Err(Fallback::DeniedWorkflow);
        }
        let status = self.status(answer.status.as_deref()).ok_or(Fallback::Status)?;
        let own_logs = own_logs.unwrap_or_else(|| own_logs_of(body, &answer));
        let notes = attempt.notes(self.times(arrived), Told { answer: &answer, own_logs }).await?;
        times.logs = notes.took;
        let span = telemetry::stage("analyse");
        notes.snapshot.told.learn(status, answer.max_turns, answer.workflow.as_deref());
        let context = self.context(status, answer.max_turns, &notes, &asked.wishes);
        let deadline = arrived + self.params.budget;
        let (written, course) = self.written(&answer, &context, &notes, deadline).await?;
        drop(span);
        let span = telemetry::stage("merge");
        let logs = if asked.wishes.include_logs == Some(false) { Logs::Null } else { Logs::Keep };
        let enhancement = written.enhancement(&context);
        let lists = written.lists(&enhancement);
        let merged = merge(body, &answer, &lists, logs);
        drop(span);
        self.prove(body, &merged, logs, &lists.map(Members::text), written.proof())?;
        if let (Some(run), Some(course)) = (&asked.run_id, course) {
            self.params.comparison.course(run, course);
        }
        let usefulness = written.usefulness(answer.has_result);
        Ok(Made { body: merged, notes, usefulness })
    }

    /// What is to be added, as it was written within this second, or written now; then also what it says of the run's end.
    async fn written(
        &self,
        answer: &Answer,
        context: &analysis::Context,
        notes: &Notes,
        deadline: Instant,
    ) -> Result<(Arc<Written>, Option<Course>), Fallback> {
        let status = context.status.unwrap_or(RunStatus::Running);
        let (snapshot, basis) = (&notes.snapshot, Basis::of(context, status, answer));
        if let Some(known) = snapshot.keepsake.get::<Written>().filter(|known| known.is_on(&basis)) {
            return Ok((known, None));
        }
        let mut context = context.clone();
        context.now = basis.now(context.now);
        context.beside = self.beside(answer, status, notes);
        let now = context.now;
        let reporting = AssertUnwindSafe(snapshot.report(context)).catch_unwind();
        let reported = timeout_at(deadline, reporting).await;
        let additions = reported.map_err(|_| Fallback::Deadline)?.map_err(|_| Fallback::Panic)?;
        let ended = status == RunStatus::Completed;
        let ended_at = ended.then(|| snapshot.analysis.last_event_at()).flatten();
        let course = findings::course(status, &additions, ended_at, now);
        let usefulness = findings::usefulness(answer, status, &additions);
        let written = Arc::new(Written::new(basis, &additions, usefulness));
        snapshot.keepsake.keep(Arc::clone(&written), written.heap_bytes());
        Ok((written, Some(course)))
    }

    /// Whether a deny rule names the run's workflow, which was not known when it was decided.
    pub(super) fn denies(&self, answer: &Answer) -> bool {
        answer.workflow.as_deref().is_some_and(|name| self.params.rollout.in_force().denies_workflow(name))
    }

    fn times(&self, answered: Instant) -> Times {
        let EnrichParams { budget, storage_patience, .. } = self.params;
        Times { answered, budget, storage_patience }
    }

    /// The status, where it is one that gets notes.
    fn status(&self, word: Option<&str>) -> Option<RunStatus> {
        let status = RunStatus::from_word(word?)?;
        let ended_badly = match status {
            RunStatus::Running | RunStatus::Completed => false,
            RunStatus::Failed | RunStatus::Timeout | RunStatus::Killed => true,
        };
        (!ended_badly || self.params.failed).then_some(status)
    }

    fn context(
        &self,
        status: RunStatus,
        max_turns: Option<u64>,
        notes: &Notes,
        wishes: &Wishes,
    ) -> analysis::Context {
        let without_steps = wishes.include_steps == Some(false);
        analysis::Context {
            now: notes.snapshot.as_of,
            status: Some(status),
            max_turns,
            detail: if without_steps { Detail::WithoutSteps } else { Detail::Full },
            compat_fields: self.params.compat_fields,
            source: notes.snapshot.source,
            cache: notes.snapshot.cache,
            beside: Beside::default(),
        }
    }

    /// What was seen of the run beside its log. Only a log on this host names a process of this host.
    fn beside(&self, answer: &Answer, status: RunStatus, notes: &Notes) -> Beside {
        let snapshot = &notes.snapshot;
        let is_here = status == RunStatus::Running && snapshot.source == LogSourceKind::File;
        let processes = self.processes.as_ref().filter(|_| is_here);
        let alive = processes.and_then(|processes| processes.alive(snapshot.analysis.process()?));
        let run = answer.run.as_deref().and_then(RunId::new);
        let max_turns = run.and_then(|run| self.starts.max_turns(&run));
        // While a run goes on, its log says more.
        let has_ended = status != RunStatus::Running;
        let (turns, cost_usd) = (answer.turns.filter(|_| has_ended), answer.cost_usd.filter(|_| has_ended));
        Beside { max_turns, alive, turns, cost_usd }
    }
}

/// The logs in an answer, unread.
pub(super) fn own_logs_of(body: &Bytes, answer: &Answer) -> OwnLogs {
    let text = answer.logs.clone().map(|place| OwnLogs::Text(BodyText::new(body.clone(), place)));
    text.unwrap_or(OwnLogs::Nothing)
}
