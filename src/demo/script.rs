//! The recorded runs: what Claude Code printed in them and when, and what the service logged of it.
//!
//! Each recording is a file of JSON lines `{"at_ms": …, "event": …}`: the milliseconds since the run's start and one
//! event of Claude Code's `stream-json` output. The stories were written for this sample; they happened nowhere.

use std::time::Duration;

use serde::Deserialize;

use super::entry::{Entry, Identity, first_response, of_event, opening};
use super::value::Value;

/// One run of the sample upstream.
#[derive(Debug)]
pub struct SampleRun {
    /// The id under which the run can be asked for.
    pub id: &'static str,
    /// The workflow's name; starting it replays this run once more under a new id.
    pub workflow: &'static str,
    /// What the run is there to show, in a few words.
    pub shows: &'static str,
    pub(super) plays: Plays,
    pub(super) max_turns: i64,
    recording: &'static str,
}

/// When a run of the sample happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plays {
    /// It ended this long before the sample started.
    Before(Duration),
    /// It happens while the sample runs, again and again.
    Endlessly,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The result was no error.
    Completed,
    /// The result was an error.
    Failed,
}

/// How far a cue brings its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The run has begun, Claude has said nothing yet.
    Begun,
    /// Claude's first text is there, here in full.
    Responded(String),
    /// Claude works.
    Working,
    /// The result is there.
    Ended(Outcome),
}

/// Something that happens in a run and what the log says of it.
#[derive(Clone, Debug)]
pub(super) struct Cue {
    /// Since the run's start, at normal speed.
    pub(super) at: Duration,
    pub(super) stage: Stage,
    pub(super) entries: Vec<Entry>,
}

static RUNS: [SampleRun; 4] = [
    SampleRun {
        id: "run_7c41e09ad35b",
        workflow: "test",
        shows: "going on: a task list, live progress and an estimate; starts anew when it ends",
        plays: Plays::Endlessly,
        max_turns: 60,
        recording: include_str!("runs/webhook_tests.jsonl"),
    },
    SampleRun {
        id: "run_b8d20f6e1c94",
        workflow: "implement",
        shows: "finished: eight list items, a sub-agent, tests, and a result too long for the log",
        plays: Plays::Before(Duration::from_mins(4)),
        max_turns: 80,
        recording: include_str!("runs/invoice_export.jsonl"),
    },
    SampleRun {
        id: "run_2f95c7a3b0e6",
        workflow: "fix",
        shows: "finished: no list, so the steps come from the kind of work done",
        plays: Plays::Before(Duration::from_mins(11)),
        max_turns: 30,
        recording: include_str!("runs/pagination_fix.jsonl"),
    },
    SampleRun {
        id: "run_e3160b8d4f7a",
        workflow: "refactor",
        shows: "failed: broke off in the middle of its list",
        plays: Plays::Before(Duration::from_secs(90)),
        max_turns: 60,
        recording: include_str!("runs/session_store.jsonl"),
    },
];

/// The bundled runs, in the order in which a newcomer should look at them.
pub fn runs() -> &'static [SampleRun] {
    &RUNS
}

#[derive(Deserialize)]
struct Recorded {
    at_ms: u64,
    event: Value,
}

impl SampleRun {
    /// Everything that happens in this run when `who` plays it, in order of time; holds the whole log in memory
    /// (some hundred kilobytes).
    pub(super) fn timeline(&self, who: &Identity) -> Vec<Cue> {
        let mut cues = vec![Cue { at: Duration::ZERO, stage: Stage::Begun, entries: opening(who) }];
        let mut unheard = true;
        for (position, recorded) in self.recorded().enumerate() {
            let at = Duration::from_millis(recorded.at_ms);
            let event = in_session(recorded.event, &who.claude_session_id);
            if !unheard {
                cues.push(Cue { at, stage: stage_of(&event), entries: of_event(&event) });
            } else if let Some(text) = assistant_text(&event) {
                unheard = false;
                let entries = first_response(who, text, position + 1);
                cues.push(Cue { at, stage: Stage::Responded(text.to_owned()), entries });
            }
        }
        cues
    }

    /// From the start to the last event, at normal speed.
    pub(super) fn length(&self) -> Duration {
        self.recorded().last().map_or(Duration::ZERO, |last| Duration::from_millis(last.at_ms))
    }

    fn recorded(&self) -> impl Iterator<Item = Recorded> {
        self.recording.lines().map(|line| {
            serde_json::from_str(line).expect("the bundled recordings are well-formed, which the tests check")
        })
    }
}

fn in_session(event: Value, session: &str) -> Value {
    match event {
        Value::Dict(members) => Value::Dict(
            members
                .into_iter()
                .map(|(key, value)| if key == "session_id" { (key, session.into()) } else { (key, value) })
                .collect(),
        ),
        other => other,
    }
}

fn assistant_text(event: &Value) -> Option<&str> {
    let message = event.get("message").filter(|_| event.str("type") == Some("assistant"))?;
    message.list("content").iter().find_map(|block| block.str("text"))
}

fn stage_of(event: &Value) -> Stage {
    if event.str("type") != Some("result") {
        Stage::Working
    } else if event.get("is_error") == Some(&Value::Bool(true)) {
        Stage::Ended(Outcome::Failed)
    } else {
        Stage::Ended(Outcome::Completed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn who() -> Identity {
        let name = |text: &str| text.to_owned();
        Identity {
            run_id: name("run_0123456789ab"),
            workflow: name("fix"),
            session_id: name("own"),
            claude_session_id: name("claude"),
            input_length: 7,
        }
    }

    #[test]
    fn every_recording_goes_forward_in_time_from_a_first_text_to_one_result() {
        for run in runs() {
            let cues = run.timeline(&who());
            assert!(cues.is_sorted_by_key(|cue| cue.at), "{}", run.id);
            assert!(matches!(cues[1].stage, Stage::Responded(_)), "{}", run.id);
            let ends = cues.iter().filter(|cue| matches!(cue.stage, Stage::Ended(_))).count();
            assert!(ends == 1 && matches!(cues[cues.len() - 1].stage, Stage::Ended(_)), "{}", run.id);
            assert!((40..=120).contains(&run.recorded().count()), "{}: {}", run.id, run.recorded().count());
            assert_eq!(cues[cues.len() - 1].at, run.length());
        }
    }

    #[test]
    fn every_tool_call_gets_one_answer_and_ids_are_not_reused() {
        for run in runs() {
            let (mut calls, mut answers) = (Vec::new(), Vec::new());
            for Recorded { event, .. } in run.recorded() {
                let content = event.get("message").map(|message| message.list("content")).unwrap_or_default();
                for block in content {
                    calls.extend(block.str("id").map(str::to_owned));
                    answers.extend(block.str("tool_use_id").map(str::to_owned));
                }
            }
            let distinct: HashSet<_> = calls.iter().collect();
            assert_eq!(distinct.len(), calls.len(), "{}", run.id);
            assert!(answers.iter().all(|id| distinct.contains(id)), "{}", run.id);
            assert!(
                calls.len() - answers.len() <= 1,
                "{}: {} calls unanswered",
                run.id,
                calls.len() - answers.len()
            );
        }
    }

    #[test]
    fn what_comes_before_the_first_text_is_not_logged() {
        let cues = runs()[0].timeline(&who());
        let at = chrono::DateTime::from_timestamp(0, 0).unwrap();
        let log: String = cues.iter().flat_map(|cue| &cue.entries).map(|entry| entry.line("r", at)).collect();
        assert!(!log.contains(r#"\"subtype\":\"init\""#));
        let types: Vec<String> = log
            .lines()
            .take(5)
            .map(|line| serde_json::from_str::<Value>(line).unwrap().str("event_type").unwrap().to_owned())
            .collect();
        assert_eq!(
            types,
            ["event", "early_execution_start", "early_response_captured", "event", "claude_stream_raw"]
        );
    }

    #[test]
    fn a_message_on_several_lines_repeats_its_usage() {
        for run in runs() {
            let mut seen: Vec<(String, Option<i64>)> = Vec::new();
            let mut repeated = 0;
            for Recorded { event, .. } in
                run.recorded().filter(|line| line.event.str("type") == Some("assistant"))
            {
                let message = event.get("message").unwrap();
                let read = message.get("usage").and_then(|usage| usage.int("cache_read_input_tokens"));
                let this = (message.str("id").unwrap().to_owned(), read);
                match seen.last() {
                    Some(last) if last.0 == this.0 => {
                        assert_eq!(last, &this, "{}", run.id);
                        repeated += 1;
                    }
                    _ => assert!(
                        seen.iter().all(|(id, _)| *id != this.0),
                        "{}: {} comes again",
                        run.id,
                        this.0
                    ),
                }
                seen.push(this);
            }
            assert!(repeated > 0, "{}", run.id);
        }
    }

    #[test]
    fn the_recordings_together_show_lists_of_both_generations_a_sub_agent_and_errors() {
        let all: String = runs().iter().map(|run| run.recording).collect::<Vec<_>>().concat();
        for part in [
            r#""name":"TodoWrite""#,
            r#""name":"TaskCreate""#,
            r#""name":"TaskUpdate""#,
            r#""parent_tool_use_id":"toolu_"#,
            r#""is_error":true"#,
            "<tool_use_error>",
            r#""type":"thinking""#,
            r#""subtype":"error_during_execution""#,
        ] {
            assert!(all.contains(part), "{part}");
        }
    }

    #[test]
    fn ids_and_workflows_are_distinct_and_well_formed() {
        let workflows: HashSet<_> = runs().iter().map(|run| run.workflow).collect();
        assert_eq!(workflows.len(), runs().len());
        for run in runs() {
            let digits = run.id.strip_prefix("run_").unwrap();
            assert!(digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", run.id);
        }
    }
}
