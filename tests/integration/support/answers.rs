//! Answers of the upstream, as bytes: the shape, the headers and the number forms of the real service, with made-up
//! contents.

/// The path of a run's status.
pub(crate) fn status_path(run: &str) -> String {
    format!("/api/v1/workflows/claude-code/run/{run}/status")
}

/// A status answer's body with the 24 keys, compact, as Python prints it.
pub(crate) fn status_body(run: &str, status: &str) -> String {
    format!(
        concat!(
            r#"{{"run_id":"{run}","status":"{status}","session_id":"4a1f7c1e-5a53-4c39-9f53-0d6f3a1c9b11","#,
            r#""workflow_name":"builder","started_at":"2026-03-02T09:14:00","updated_at":"2026-03-02T09:15:31.250000","#,
            r#""container_id":null,"execution_time":91.0,"result":null,"exit_code":null,"git_commits":[],"error":null,"#,
            r#""logs":"2026-03-02T09:14:02 [event] Größe: 3 \u00b5m }} ]\n","cost":2.9157259499999992,"tokens":0,"#,
            r#""turns":0,"tool_calls":0,"tools_used":[],"claude_session_id":"pending","progress_indicator":1e-07,"#,
            r#""last_activity":null,"recent_steps":[],"elapsed_seconds":91,"debug_info":null}}"#
        ),
        run = run,
        status = status
    )
}

/// The same with these `logs` and this `claude_session_id`.
pub(crate) fn status_body_with(run: &str, status: &str, logs: &str, session: Option<&str>) -> String {
    let body = status_body(run, status);
    let (before, rest) = body.split_once("\"logs\":").unwrap();
    let (_, after) = rest.split_once(",\"cost\"").unwrap();
    let body = format!("{before}\"logs\":{},\"cost\"{after}", serde_json::to_string(logs).unwrap());
    body.replace("\"pending\"", &serde_json::to_string(&session).unwrap())
}

/// A status answer of a later version of the service: no logs, no session.
pub(crate) fn later_status_body(run: &str, status: &str) -> String {
    format!(
        concat!(
            r#"{{"run_id":"{run}","status":"{status}","workflow_name":"builder","started_at":"2026-03-02T09:14:00.1","#,
            r#""completed_at":null,"execution_time_seconds":null,"progress":{{"turns":3,"max_turns":30,"is_running":true}},"#,
            r#""metrics":{{"cost_usd":0.0}},"result":{{"success":false,"message":"…","final_output":null}}}}"#
        ),
        run = run,
        status = status
    )
}

/// A 200 as uvicorn sends it.
pub(crate) fn json(body: impl AsRef<[u8]>) -> Vec<u8> {
    json_with("", body)
}

/// The same, with more header lines, each ending in CR LF.
pub(crate) fn json_with(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    typed("application/json", headers, body)
}

/// A 200 of any type.
pub(crate) fn typed(content_type: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    answer(&format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n{headers}"), body)
}

/// A head without its end, completed by `Date`, `Server` and the length, and the body.
pub(crate) fn answer(head: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let fixed = "date: Mon, 02 Mar 2026 09:15:31 GMT\r\nserver: uvicorn\r\n";
    let mut bytes = format!("{head}{fixed}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A 200 in chunks of these bytes, ending with these trailer lines.
pub(crate) fn chunked(content_type: &str, chunks: &[&[u8]], trailers: &str) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n")
            .into_bytes();
    for chunk in chunks {
        bytes.extend_from_slice(&framed(chunk));
    }
    bytes.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
    bytes
}

/// One chunk with its size line.
pub(crate) fn framed(chunk: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", chunk.len()).into_bytes();
    bytes.extend_from_slice(chunk);
    bytes.extend_from_slice(b"\r\n");
    bytes
}
