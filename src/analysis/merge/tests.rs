//! Logs of one run in two dialects, fed as pollers would: whole, in pieces, one late.

use serde_json::{Value, json};

use super::*;
use crate::analysis::{Additions, Beside, CacheOutcome, Context, Detail, LogSourceKind, RunStatus};

fn time(second: u32) -> String {
    format!("2026-03-02T09:{:02}:{:02}+00:00", second / 60, second % 60)
}

/// An entry of the upstream's.
fn entry(second: u32, kind: &str, data: &Value) -> String {
    format!(
        "{{\"timestamp\": \"{}\", \"run_id\": \"r\", \"event_type\": \"{kind}\", \"data\": {data}}}\n",
        time(second)
    )
}

fn begin(second: u32) -> String {
    entry(second, "early_execution_start", &json!({"message": "Started"}))
}

/// An event of Claude Code's.
fn event(n: u32) -> Value {
    let message = |block: Value| {
        json!({"id": format!("msg_{n}"), "role": "assistant", "model": "claude-x", "content": [block],
        "usage": {"input_tokens": 10, "output_tokens": 5}})
    };
    let block = match n % 3 {
        0 => json!({"type": "text", "text": format!("Words {n}.")}),
        1 => {
            json!({"type": "tool_use", "id": format!("call_{n}"), "name": "Read", "input": {"file_path": "/a"}})
        }
        _ => {
            let content =
                json!([{"type": "tool_result", "tool_use_id": format!("call_{}", n - 1), "content": "done"}]);
            return json!({"type": "user", "message": {"role": "user", "content": content}});
        }
    };
    json!({"type": "assistant", "message": message(block), "session_id": "s"})
}

/// The upstream's log: each event twice.
fn logged(second: u32, n: u32) -> String {
    let event = event(n);
    let kind = event["type"].as_str().unwrap().to_owned();
    let mut raw = event.to_string();
    if raw.len() > 250 {
        raw = format!("<large_content:{}_chars>", raw.len());
    }
    entry(second, "claude_stream_raw", &json!({"message": raw}))
        + &entry(second, &format!("claude_stream_{kind}"), &event)
}

/// The stream beside it.
fn streamed(second: u32, n: u32) -> String {
    let mut event = event(n);
    event["_timestamp"] = json!(time(second));
    format!("{event}\n")
}

/// A line of the session's transcript.
fn noted(second: u32, n: u32) -> String {
    let mut event = event(n);
    event["timestamp"] = json!(time(second));
    event["sessionId"] = json!("s");
    format!("{event}\n")
}

fn run_log(events: std::ops::Range<u32>) -> String {
    begin(10) + &events.map(|n| logged(11 + n, n)).collect::<String>()
}

fn stream(events: std::ops::Range<u32>) -> String {
    let init = json!({"type": "system", "subtype": "init", "model": "claude-x", "session_id": "s", "_timestamp": time(10)});
    format!("{{\"_metadata\":{{}}}}\n{init}\n") + &events.map(|n| streamed(11 + n, n)).collect::<String>()
}

fn fresh(roles: &[PartRole]) -> Merged {
    Merged::new(Limits::default(), Prior::shipped(), roles.to_vec())
}

/// Feeds what the logs hold so far, from the beginning where they ask for it.
fn catch_up(merged: &mut Merged, roles: &[PartRole], logs: &[&[u8]], piece: usize) -> usize {
    for again in 0..2 {
        let more = |merged: &Merged, n: usize| merged.offset(n) < logs[n].len() as u64;
        loop {
            let mut has_more: Vec<bool> = (0..logs.len()).map(|n| more(merged, n)).collect();
            let Some(n) = merged.next(&has_more) else { break };
            let from = usize::try_from(merged.offset(n)).unwrap();
            let to = logs[n].len().min(from + piece);
            has_more[n] = to < logs[n].len();
            merged.feed(n, &logs[n][from..to], &has_more);
        }
        merged.refresh();
        if !merged.is_disordered() {
            return again;
        }
        *merged = fresh(roles);
    }
    panic!("in order, nothing can be out of order");
}

fn report_of(analysis: &Analysis) -> Additions {
    analysis.report(&Context {
        now: DateTime::parse_from_rfc3339("2026-03-02T10:00:00Z").unwrap().to_utc(),
        status: Some(RunStatus::Completed),
        max_turns: None,
        detail: Detail::Full,
        compat_fields: true,
        source: LogSourceKind::File,
        cache: CacheOutcome::Miss,
        beside: Beside::default(),
    })
}

fn whole(roles: &[PartRole], logs: &[&str]) -> (Merged, Additions) {
    let mut merged = fresh(roles);
    let bytes: Vec<&[u8]> = logs.iter().map(|log| log.as_bytes()).collect();
    catch_up(&mut merged, roles, &bytes, 1 << 20);
    let report = report_of(merged.analysis());
    (merged, report)
}

const BOTH: [PartRole; 2] = [PartRole::Run, PartRole::Run];

#[test]
fn what_two_logs_tell_counts_once() {
    let (merged, both) = whole(&BOTH, &[&run_log(0..30), &stream(0..30)]);
    let (_, log) = whole(&BOTH[..1], &[&run_log(0..30)]);
    assert_eq!(json!(both.run_details.tools), json!(log.run_details.tools));
    assert_eq!(both.run_details.turns, log.run_details.turns);
    assert_eq!(json!(both.run_details.usage), json!(log.run_details.usage));
    assert_eq!(both.final_result, log.final_result);
    assert_eq!(json!(both.step_by_step_results), json!(log.step_by_step_results));
    assert_eq!(both.enhancement.log_bytes, merged.offset(0) + merged.offset(1));
    assert_eq!((merged.lines(0), merged.lines(1)), (61, 32));
    assert_eq!((both.enhancement.unrecognised_lines, both.enhancement.truncated_values), (0, 0));
}

#[test]
fn each_log_fills_what_the_other_lacks_in_the_order_of_the_times() {
    let (first, second) =
        (stream(0..12), begin(10) + &(12..24).map(|n| logged(11 + n, n)).collect::<String>());
    let (_, both) = whole(&BOTH, &[&second, &first]);
    let (_, one) = whole(&BOTH[..1], &[&run_log(0..24)]);
    assert_eq!(json!(both.run_details.tools), json!(one.run_details.tools));
    assert_eq!(both.final_result, one.final_result);
    assert_eq!(both.run_details.model.as_deref(), Some("claude-x"));
    assert!(both.enhancement.complete);
}

#[test]
fn whoever_looks_when_is_told_the_same_in_the_end_and_in_between() {
    let (log, stream) = (run_log(0..90), stream(0..90));
    let full = [log.as_bytes(), stream.as_bytes()];
    // Two pollers, one that looks often and one that does not; the stream is behind by up to a few seconds.
    let (mut often, mut seldom) = (fresh(&BOTH), fresh(&BOTH));
    for step in 1..=40 {
        let behind = if step == 40 { 0 } else { step % 4 };
        let so_far =
            [&full[0][..full[0].len() * step / 40], &full[1][..full[1].len() * (step - behind) / 40]];
        catch_up(&mut often, &BOTH, &so_far, 700);
        if step % 13 == 0 || step == 40 {
            catch_up(&mut seldom, &BOTH, &so_far, 1 << 20);
            let [often, seldom] = [&mut often, &mut seldom].map(|one| json!(report_of(one.analysis())));
            assert_eq!(often, seldom, "at step {step}");
        }
    }
}

#[test]
fn a_log_that_shows_late_with_older_events_asks_for_all_anew() {
    let (log, stream) = (run_log(0..200), stream(0..200));
    let mut polled = fresh(&BOTH);
    assert_eq!(catch_up(&mut polled, &BOTH, &[log.as_bytes(), b""], 4096), 0);
    assert_eq!(catch_up(&mut polled, &BOTH, &[log.as_bytes(), stream.as_bytes()], 4096), 1);
    let (_, at_once) = whole(&BOTH, &[&log, &stream]);
    assert_eq!(json!(report_of(polled.analysis())), json!(at_once));
}

#[test]
fn a_log_that_has_ended_keeps_little_of_the_other_waiting() {
    let (log, stream) = (run_log(0..2000), stream(0..5));
    let (merged, _) = whole(&BOTH, &[&log, &stream]);
    let waiting: usize = merged.parts.iter().map(|part| part.waiting.len()).sum();
    assert!((1..=130).contains(&waiting), "a minute's lines wait: {waiting}");
    assert!(merged.settled.lines() > 3800, "{}", merged.settled.lines());
}

#[test]
fn of_a_sessions_log_only_the_lines_of_the_run_count() {
    let other = run_log(0..9).replace("\"run_id\": \"r\"", "\"run_id\": \"q\"").replace("call_", "other_");
    let role = [PartRole::Session { run: "r".into() }];
    let (merged, report) = whole(&role, &[&(other + &run_log(0..6))]);
    assert_eq!(report.run_details.tools["Read"].calls, 2);
    assert_eq!(merged.lines(0), 32, "all of them were read");
}

#[test]
fn a_transcript_fills_between_the_begin_and_the_end_of_the_run() {
    let sub_agent = noted(12, 40).replacen('{', "{\"isSidechain\":true,", 1);
    let transcript = noted(1, 100) + &(0..20).map(|n| noted(11 + n, n)).collect::<String>() + &sub_agent;
    let end =
        json!({"type": "result", "subtype": "success", "is_error": false, "num_turns": 9, "session_id": "s"});
    let log = begin(10) + &logged(20, 9) + &entry(40, "claude_stream_result_success", &end);
    let after = (60..63).map(|n| noted(50 + n, n)).collect::<String>();
    let roles = [PartRole::Run, PartRole::Transcript];
    let (_, report) = whole(&roles, &[&log, &(transcript + &after)]);
    assert_eq!(report.run_details.tools["Read"].calls, 7, "not those of other runs, nor of sub-agents");
    assert_eq!(report.final_result, Some(Some("Words 18.".into())));
}

#[test]
fn words_that_one_log_cut_are_those_that_another_has_whole() {
    let said = |text: &str| json!({"message": format!("AssistantMessage(content=[TextBlock(text='{text}')], model='claude-x')")});
    let call =
        json!({"message": "AssistantMessage(content=[ToolUseBlock(id='call_4', name='Read', input={})])"});
    let log = entry(10, "execution_init", &json!({"message": "Started"}))
        + &entry(14, "claude_message", &said("Words 3."))
        + &entry(15, "claude_message", &call)
        + &entry(17, "claude_message", &json!({"message": "AssistantMessage(content=[TextBlock(text='Wor"}));
    let transcript: String = (3..7).map(|n| noted(10 + n, n)).collect();
    let roles = [PartRole::Run, PartRole::Transcript];
    let (_, report) = whole(&roles, &[&log, &transcript]);
    assert_eq!(report.final_result, Some(Some("Words 6.".into())));
    assert_eq!(report.run_details.turns, 3, "two of words and one of a call, each once");
    assert_eq!(report.run_details.tools["Read"].calls, 1);
}
