"""A browser's own EventSource on the status route: it cannot send headers, so that the query asks and shows the key."""

from browser import chromium  # noqa: F401  (a fixture)
from conftest import KEY
from upstream import recorded_runs

LISTEN = """
address => new Promise((resolve, reject) => {
  const heard = [];
  const source = new EventSource(address);
  source.addEventListener('status', event => {
    const { progress_summary, final_result, logs } = JSON.parse(event.data);
    heard.push({ type: 'status', id: event.lastEventId, activity: progress_summary?.recent_activity ?? null, result: final_result ?? null, logs });
    window.heard = heard;
  });
  source.addEventListener('end', event => {
    source.close();
    resolve([...heard, { type: 'end', ...JSON.parse(event.data) }]);
  });
  source.addEventListener('error', () => reject(new Error(`the stream broke off after ${heard.length} events`)));
})
"""


def test_a_browser_follows_a_run_to_its_end(gloss, upstream, chromium):  # noqa: F811
    """The first state at once, a new one for each change of the log, the result, and an end after which it closes."""
    events = recorded_runs.todo_run()
    path = upstream.run(events[:-3], status="running")
    run = path.split("/")[-2]
    page = chromium.new_page()
    page.goto(gloss.url + "/health")
    address = f"{path}?enhanced=true&{KEY[0]}={KEY[1]}"
    page.evaluate(f"address => {{ window.whole = ({LISTEN})(address) }}", address)
    page.wait_for_function("window.heard?.length === 1")
    upstream.append(run, events[-3:])
    page.wait_for_function("window.heard.length > 1")
    upstream.change(run, status="completed")
    heard = page.evaluate("window.whole")
    page.close()
    *states, end = heard
    assert (end["type"], end["reason"], end["status"]) == ("end", "run-ended", "completed")
    offsets = [int(state["id"]) for state in states]
    assert offsets == sorted(offsets) and len(set(offsets)) > 1
    assert states[0]["activity"] and states[-1]["result"]
    assert all(state["logs"] is None for state in states)
