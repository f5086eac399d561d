//! What is known of a run beyond its steps, and how the added fields came about.

use super::View;
use crate::analysis::context::RunStatus;
use crate::analysis::report::{
    Enhancement, ErrorDetails, FileDetails, RunDetails, SubAgentDetails, TestDetails, ToolDetails,
};
use crate::analysis::timestamp::Timestamp;

impl View<'_> {
    pub(super) fn run_details(&self) -> RunDetails {
        let fold = self.fold;
        let unfinished = !matches!(self.status, RunStatus::Running | RunStatus::Completed);
        RunDetails {
            outcome: self.outcome,
            turns: self.turns(),
            max_turns: self.shown_max_turns(),
            model: fold.usage.main_model().or(fold.identity.model.as_deref()).map(str::to_owned),
            claude_session_id: fold.identity.session.clone(),
            usage: self.usage(),
            tools: fold
                .tools
                .iter()
                .map(|tool| (tool.name.clone(), ToolDetails { calls: tool.calls, errors: tool.errors }))
                .collect(),
            files: self.files(),
            tests: self.tests(),
            sub_agents: self.sub_agents(),
            errors: self.errors(),
            permission_denials: fold.stated_denials.max(fold.errors.denials()),
            compactions: fold.compactions,
            completion_percentage: unfinished.then(|| super::to_tenths(fold.reached_percent())),
        }
    }

    fn files(&self) -> Vec<FileDetails> {
        let files = self.fold.files.list().into_iter();
        files.map(|(path, change, edits)| FileDetails { path: path.to_owned(), change, edits }).collect()
    }

    fn tests(&self) -> TestDetails {
        let totals = self.fold.tests.totals();
        TestDetails {
            passed: totals.counts.passed,
            failed: totals.counts.failed,
            skipped: totals.counts.skipped,
            runs: totals.runs,
        }
    }

    fn sub_agents(&self) -> Vec<SubAgentDetails> {
        let agents = self.fold.sub_agents.iter().map(|agent| SubAgentDetails {
            name: agent.name.clone(),
            description: agent.description.clone(),
            status: agent.status,
            tool_calls: agent.tool_calls,
        });
        agents.collect()
    }

    fn errors(&self) -> Vec<ErrorDetails> {
        let errors = self.fold.errors.last().map(|error| ErrorDetails {
            tool: error.tool.clone(),
            message: error.message.clone(),
            at: error.at.map(Timestamp::to_second),
        });
        errors.collect()
    }

    pub(super) fn enhancement(&self) -> Enhancement {
        let counts = &self.fold.counts;
        Enhancement {
            version: Enhancement::VERSION,
            generated_at: Timestamp::to_millisecond(self.context.now),
            log_source: self.context.source,
            log_bytes: self.log_bytes,
            log_lines: counts.lines,
            unrecognised_lines: counts.unrecognised,
            truncated_values: counts.truncated_values,
            complete: !counts.gaps,
            cache: self.context.cache,
            sources: Vec::new(),
        }
    }

    /// Share of the prompt tokens that came from the cache, in percent with one decimal.
    pub(super) fn cache_efficiency(&self) -> Option<f64> {
        let tokens = self.bill.total.tokens;
        let prompt = tokens.input.saturating_add(tokens.cache_creation).saturating_add(tokens.cache_read);
        (prompt > 0).then(|| (tokens.cache_read as f64 / prompt as f64 * 1000.0).round() / 10.0)
    }
}
