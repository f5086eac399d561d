//! Logs that try to fill the memory: in each, one kind of thing never ends.

use serde_json::{Value, json};

/// The longest text that any of them says.
pub(crate) const LONGEST_TEXT: usize = 1024 * 1024;

/// The line with this number, its line feed included, if it has one.
pub(crate) type Shape = fn(usize) -> Vec<u8>;

/// All of them, by name.
pub(crate) fn shapes() -> Vec<(&'static str, Shape)> {
    vec![
        ("tools", |n| call(n, &format!("tool {n} {}", "t".repeat(200)), &json!({}))),
        ("calls without an answer", |n| {
            call(n, "Bash", &json!({"command": format!("echo {n} {}", wide(5000))}))
        }),
        ("lists without an answer", |n| call(n, "TodoWrite", &list(n, 300, 4000))),
        ("replaced lists", |n| answered(n, "TodoWrite", &list(n, 100, 4000), "ok")),
        ("lists of many items", |n| answered(n, "TodoWrite", &list(n, 2000, 20), "ok")),
        ("tasks", |n| {
            answered(
                n,
                "TaskCreate",
                &json!({"subject": format!("{n} {}", wide(5000))}),
                &format!("Task #{n} created"),
            )
        }),
        ("changes of unknown tasks", |n| {
            let change =
                json!({"taskId": format!("{n}{}", wide(80)), "subject": wide(5000), "status": "in_progress"});
            answered(n, "TaskUpdate", &change, "ok")
        }),
        ("told tasks", |n| {
            let told =
                (0..20).map(|i| format!("Task #{n}-{i}: {}", wide(4000))).collect::<Vec<_>>().join("\n");
            answered(n, "TaskList", &json!({}), &told)
        }),
        ("files", |n| answered(n, "Write", &json!({"file_path": format!("/{n}/{}", wide(1100))}), "ok")),
        ("sub-agents", |n| {
            call(
                n,
                "Task",
                &json!({"description": format!("{n} {}", wide(3000)), "subagent_type": wide(3000)}),
            )
        }),
        ("headings", |n| said(n, &format!("## Phase {n} — {}", wide(3000)))),
        ("plans", |n| {
            let plan =
                (1..200).map(|i| format!("{i}. Part {n}-{i} {}", wide(200))).collect::<Vec<_>>().join("\n");
            said(n, &format!("I will:\n{plan}"))
        }),
        ("long texts", |n| {
            said(n, &format!("{n} {}", wide(if n % 7 == 0 { LONGEST_TEXT - 20 } else { 9000 })))
        }),
        ("errors", |n| [call(n, "Bash", &json!({"command": "x"})), failed(n, &wide(9000))].concat()),
        ("test commands", |n| {
            answered(
                n,
                "Bash",
                &json!({"command": format!("pytest tests/test_{n}.py")}),
                &format!("== {n} passed in 1s =="),
            )
        }),
        ("scripts that test", |n| {
            let script =
                (0..40).map(|i| format!("pytest {n}_{i}.py {}", wide(400))).collect::<Vec<_>>().join("\n");
            answered(n, "Write", &json!({"file_path": format!("/t{n}.sh"), "content": script}), "ok")
        }),
        ("models and messages", |n| {
            line(
                &json!({"type": "assistant", "message": {"id": format!("m{n}"), "model": format!("m{n}{}", wide(500)),
                "content": [], "role": "assistant", "usage": {"input_tokens": 1}}}),
            )
        }),
        ("sessions", |n| {
            line(
                &json!({"type": "result", "subtype": "error_during_execution", "session_id": format!("s{n}{}", wide(500)),
                "result": wide(3000), "total_cost_usd": 1, "num_turns": n}),
            )
        }),
        ("raw lines", |n| {
            line(
                &json!({"event_type": "claude_stream_raw", "data": {"message": format!("{n} {}", wide(60_000))}}),
            )
        }),
        ("garbage", |n| format!("{n} {}\n", wide(300)).into_bytes()),
        ("a line without end", |_| wide(64 * 1024).into_bytes()),
        ("lines just short enough", |_| [wide(2 * 1024 * 1024 - 8).into_bytes(), b"\n".to_vec()].concat()),
    ]
}

fn wide(bytes: usize) -> String {
    "w".repeat(bytes)
}

fn line(event: &Value) -> Vec<u8> {
    let mut line = event.to_string().into_bytes();
    line.push(b'\n');
    line
}

fn said(n: usize, text: &str) -> Vec<u8> {
    line(
        &json!({"type": "assistant", "message": {"id": format!("m{n}"), "content": [{"type": "text", "text": text}]}}),
    )
}

fn call(n: usize, name: &str, input: &Value) -> Vec<u8> {
    let block = json!({"type": "tool_use", "id": format!("c{n}"), "name": name, "input": input});
    line(&json!({"type": "assistant", "message": {"id": format!("m{n}"), "content": [block]}}))
}

fn answered(n: usize, name: &str, input: &Value, words: &str) -> Vec<u8> {
    let answer = json!({"type": "tool_result", "tool_use_id": format!("c{n}"), "content": words});
    [call(n, name, input), line(&json!({"type": "user", "message": {"role": "user", "content": [answer]}}))]
        .concat()
}

fn failed(n: usize, words: &str) -> Vec<u8> {
    let answer =
        json!({"type": "tool_result", "tool_use_id": format!("c{n}"), "content": words, "is_error": true});
    line(&json!({"type": "user", "message": {"role": "user", "content": [answer]}}))
}

fn list(n: usize, items: usize, bytes: usize) -> Value {
    let item = |i: usize| json!({"content": format!("{n}-{i} {}", wide(bytes)), "status": "in_progress"});
    json!({"todos": (0..items).map(item).collect::<Vec<_>>()})
}
