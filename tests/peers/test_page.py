"""The operators' page in a real browser, over runs of the FastAPI upstream: what it shows, how soon, and what it never does."""

import re
import sys
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace

import httpx
import pytest
from browser import FORMS, chromium, fastest_median, seconds_until, sight
from clients import PLAIN
from conftest import ENHANCED, KEY, Upstream
from processes import HERE, Child, listening, start_gloss
from upstream import recorded_runs
from upstream.conversation import Conversation

__all__ = ["chromium"]

TOKEN = "an operators' token, 32 letters or so"
HOSTILE = {
    "script": "<script>window.pwned = 1</script>",
    "image": "<img src=x onerror='window.pwned = 2'>",
    "drawing": "</bdi><svg onload='window.pwned = 3'><a href='javascript:window.pwned = 4'>",
    "entities": "&lt;b&gt; &#x3c;script&#x3e; {{7*7}} ${7*7}",
    "right to left": "safe \u202etxt.exe\u202c \u05e9\u05dc\u05d5\u05dd",
    "emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "controls": "a\x01b\x07c\x1bd\x7fe\u2028f\ufeffg",
    "long": "x" * 10_000,
    "long words": "word " * 2_000,
}


@contextmanager
def operated(upstream, logs, *flags, **settings):
    """A gloss with an admin listener; gives both URLs, and what has it look at a run."""
    child, url = start_gloss(upstream.url, logs, *flags, **{"admin": "127.0.0.1:0", **settings})
    with child:
        admin = child.wait_for(r"admin on (http://\S+)")

        def look_at(path, *headers):
            answer = httpx.get(url + path, headers=[KEY, *(headers or [ENHANCED])], **PLAIN)
            assert answer.status_code == 200, answer.text
            return path.split("/")[-2]

        yield SimpleNamespace(url=url, admin=admin, look_at=look_at, child=child)


@pytest.fixture(scope="module")
def desk(upstream, logs):
    """A gloss that has seen runs of every kind."""
    with operated(upstream, logs) as gloss:
        gloss.runs = {
            "running": gloss.look_at(upstream.run(recorded_runs.todo_run("page-live")[:-3], workflow_name="implement")),
            "done": gloss.look_at(upstream.run(recorded_runs.todo_run("page-done"), status="completed", workflow_name="fix")),
            "failed": gloss.look_at(upstream.run(recorded_runs.failing_run("page-bad"), status="failed", workflow_name="test")),
            "limit": gloss.look_at(upstream.run(recorded_runs.max_turns_run("page-max"), status="completed")),
        }
        for _ in range(3):
            gloss.look_at(upstream.run(recorded_runs.plain_run()), ("gloss", "shadow"))
        yield gloss


def views(desk):
    """Every view, and a text that is there once it is complete."""
    return {
        "runs": ("runs", "in the cache"),
        "a run that goes on": (f"runs/{desk.runs['running']}", "Progress"),
        "a run that is done": (f"runs/{desk.runs['done']}", "completed"),
        "a run that failed": (f"runs/{desk.runs['failed']}", "Failed"),
        "comparison": ("comparison", "status requests since"),
        "rollout": ("rollout", "The kill switch"),
        "fallbacks": ("fallbacks", "The last hour"),
    }


@pytest.mark.parametrize("form", FORMS)
def test_every_view_is_whole_and_without_barriers(chromium, desk, form):
    """In light, dark, and on a phone: no rule of axe is broken, nothing sticks out, the console is silent."""
    with sight(chromium, desk.admin, form) as seen:
        for name, (view, text) in views(desk).items():
            seen.open(view)
            if text == "Progress":
                seen.page.get_by_role("progressbar").first.wait_for()
            else:
                seen.shows(text)
            assert seen.barriers() == [], f"{name}, {form}"
            assert seen.overflow() <= 0, f"{name}, {form}"


def test_a_new_log_line_is_seen_within_a_second(chromium, desk, upstream):
    """On the run's own view and in the list, by the median of some lines each."""
    path = upstream.run(recorded_runs.todo_run("page-follow")[:6], workflow_name="followed")
    run_id = desk.look_at(path)
    talk = Conversation("page-follow-on")
    numbers = count()
    there = "text => document.querySelector('main').textContent.includes(text)"
    with sight(chromium, desk.admin) as seen:
        for view in (f"runs/{run_id}", "runs"):
            seen.open(view).shows("followed")

            def news():
                before, name = len(talk.events), f"news_{next(numbers)}_.py"
                talk.call("Read", "text", file_path=f"src/{name}")
                return seconds_until(seen, there, name, lambda: upstream.append(run_id, talk.events[before:]))

            assert fastest_median(news) < 1, view


def test_what_a_log_says_is_text_and_never_markup(chromium, upstream, logs):
    """Script tags, handlers, long names, right-to-left overrides, emoji, control characters: shown as they are."""
    with operated(upstream, logs) as gloss:
        talk = Conversation("page-hostile", model="<b>model</b>")
        talk.text("Let me begin.").todos(*[(text, "pending") for text in HOSTILE.values()])
        talk.todos(*[(text, "completed" if at else "in_progress") for at, text in enumerate(HOSTILE.values())])
        for text in HOSTILE.values():
            talk.call("Write", "ok", file_path=f"/tmp/{text}", content="x")
            talk.call(f"mcp__{text[:60]}", f"Error: {text}", is_error=True)
            talk.call("Task", text, subagent_type=text[:80], description=text)
        events = talk.events
        running = gloss.look_at(upstream.run(events, workflow_name=HOSTILE["script"] + HOSTILE["right to left"]))
        # The log cuts a long result: what was said last is the result then.
        talk.text("\n".join(HOSTILE.values())).result("\n".join(HOSTILE.values()))
        done = gloss.look_at(upstream.run(talk.events, status="completed", workflow_name=HOSTILE["long"]))
        for form in ("light", "phone"):
            with sight(chromium, gloss.admin, form) as seen:
                for view in ("runs", f"runs/{running}", f"runs/{done}"):
                    seen.open(view).page.get_by_role("progressbar").first.wait_for()
                    assert seen.page.evaluate("window.pwned") is None
                    foreign = "main script, main img, main iframe, main svg[onload], main a[href^=javascript], main b b, main model"
                    assert seen.page.locator(foreign).count() == 0
                    assert seen.overflow() <= 0, f"{view}, {form}"
                    assert seen.barriers() == [], f"{view}, {form}"
                shown = seen.open(f"runs/{running}").page.locator(".steps")
                shown.wait_for()
                for name in ("script", "image", "drawing", "entities", "emoji", "right to left"):
                    assert shown.get_by_text(HOSTILE[name], exact=True).count() >= 1, name
                seen.open(f"runs/{done}").page.get_by_role("button", name=re.compile("Show all .* characters")).first.wait_for()


def test_names_are_isolated_from_what_stands_beside_them(chromium, desk, upstream):
    """A right-to-left override in a name turns nothing around but the name."""
    talk = Conversation("page-bidi").text("Hello").todos((HOSTILE["right to left"], "in_progress"))
    run_id = desk.look_at(upstream.run(talk.events, workflow_name="bidi"))
    with sight(chromium, desk.admin) as seen:
        name = seen.open(f"runs/{run_id}").page.locator(".step-name bdi").first
        name.wait_for()
        assert name.get_attribute("dir") == "auto"
        assert name.evaluate("element => getComputedStyle(element).unicodeBidi") == "isolate"


def test_the_list_is_searched_filtered_and_walked_by_keys(chromium, desk):
    """`/` searches, Escape clears, j and k move, Enter opens, digits change the view; the first Tab skips the bar."""
    with sight(chromium, desk.admin) as seen:
        page = seen.open("runs").shows("in the cache").page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.keyboard.press("/")
        page.keyboard.type(desk.runs["done"])
        page.wait_for_function("() => document.querySelectorAll('.run-row').length === 1")
        assert desk.runs["done"] in page.locator(".run-row").inner_text()
        assert f"q={desk.runs['done']}" in page.url
        page.keyboard.press("Escape")
        page.wait_for_function("() => document.querySelectorAll('.run-row').length > 3")
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        page.keyboard.press("j")
        links = page.locator(".run-link")
        assert links.nth(1).evaluate("link => link === document.activeElement")
        page.keyboard.press("k")
        assert links.nth(0).evaluate("link => link === document.activeElement")
        page.keyboard.press("ArrowDown")
        wanted = links.nth(1).get_attribute("href")
        page.keyboard.press("Enter")
        page.locator(".hero").wait_for()
        assert page.url.endswith(wanted)
        for key, heading in (("2", "Comparison"), ("3", "Rollout"), ("4", "Fallbacks"), ("1", "Runs")):
            page.keyboard.press(key)
            page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()
        page.get_by_role("button", name="Failed").click()
        page.wait_for_function("() => document.querySelectorAll('.run-row .badge.good').length === 0")
        states = page.locator(".run-row .badge").all_inner_texts()
        assert states and set(states) <= {"Failed", "Turn limit", "Timed out", "Stopped"}
        page.reload()
        assert page.get_by_role("button", name="Failed").get_attribute("aria-pressed") == "true"
        page.keyboard.press("/")
        page.keyboard.type("no run has this")
        seen.shows("No run fits.")


def test_the_focus_stays_while_the_page_changes(chromium, desk, upstream):
    """What somebody has the focus on, and has typed, is not taken from them by an update."""
    run_id = desk.look_at(upstream.run(recorded_runs.todo_run("page-focus")[:6], workflow_name="focused"))
    talk = Conversation("page-focus-on")
    with sight(chromium, desk.admin) as seen:
        page = seen.open("runs").shows("focused").page
        link = page.locator(f".run-link[href$='{run_id}']")
        link.focus()
        other = desk.look_at(upstream.run(recorded_runs.todo_run("page-newer")[:6], workflow_name="newcomer"))
        seen.shows("newcomer")
        talk.call("Bash", "ok", command="make later")
        upstream.append(run_id, talk.events)
        seen.shows("make later")
        assert link.evaluate("link => link === document.activeElement")
        assert other in page.locator("main").inner_text()


def test_the_rollout_is_changed_after_a_second_look(chromium, upstream, logs):
    """The share and the kill switch, each confirmed; what was set is told apart from what is configured."""
    with operated(upstream, logs, "--percent", "5") as gloss, sight(chromium, gloss.admin) as seen:
        state = lambda: httpx.get(gloss.admin + "/api/rollout", **PLAIN).json()  # noqa: E731
        page = seen.open("rollout").shows("5 % of runs get the enhanced answer").page
        page.locator("#percent").fill("12.5")
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Review change").click()
        page.get_by_role("dialog").get_by_text("12.5 %").wait_for()
        page.get_by_role("button", name="Cancel").click()
        assert state()["percent"] == 5
        page.get_by_role("button", name="Review change").click()
        page.get_by_role("button", name="Apply").click()
        seen.shows("12.5 % of runs get the enhanced answer")
        assert state() | {"percent": 12.5, "overridden": ["percent"]} == state()
        page.get_by_role("button", name="Back to 5 %").click()
        seen.shows("5 % of runs get the enhanced answer; the others")
        page.wait_for_function("() => document.querySelector('#percent').value === '5'")
        page.get_by_role("switch", name="Notes are made").click()
        page.get_by_role("button", name="Review change").click()
        page.get_by_role("button", name="Switch off").click()
        seen.shows("Notes are off", ".bar-state")
        assert state()["enabled"] is False
        assert seen.barriers() == []


def test_a_refused_change_says_which_key_which_value_and_why(chromium, upstream, logs):
    """And changes nothing."""
    expected = [r"status of 422"]
    with operated(upstream, logs) as gloss, sight(chromium, gloss.admin, expected=expected) as seen:
        page = seen.open("rollout").shows("The kill switch").page
        page.locator("#percent").fill("101")
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Review change").click()
        page.get_by_role("button", name="Apply").click()
        seen.shows("Refused, nothing has changed.")
        said = page.locator(".notice.bad").inner_text()
        assert "percent" in said and "101" in said and "a number from 0 to 100" in said
        assert httpx.get(gloss.admin + "/api/rollout", **PLAIN).json()["percent"] == 0


def test_with_a_token_the_page_asks_for_it_and_shows_nothing_before(chromium, upstream, logs):
    """A wrong one is refused in words; the right one is kept for the tab, in no URL, and sent as a header only."""
    expected = [r"status of 401"]
    with operated(upstream, logs, admin_token=TOKEN) as gloss:
        run_id = gloss.look_at(upstream.run(recorded_runs.todo_run("page-token"), status="completed"))
        for path in ("/api/runs", "/api/events", f"/api/runs/{run_id}", f"/api/runs/{run_id}/events", "/api/rollout"):
            assert httpx.get(gloss.admin + path, **PLAIN).status_code == 401, path
        with sight(chromium, gloss.admin, expected=expected) as seen:
            asked = []
            seen.page.on("request", lambda request: asked.append(request.url))
            page = seen.open("runs").shows("Sign in").page
            assert run_id not in page.content()
            assert seen.barriers() == []
            page.get_by_label("Token").fill("another")
            page.keyboard.press("Enter")
            seen.shows("gloss does not accept this token.")
            page.get_by_label("Token").fill(TOKEN)
            page.keyboard.press("Enter")
            seen.shows(run_id)
            page.reload()
            seen.shows(run_id)
            seen.open(f"runs/{run_id}").page.locator(".hero").wait_for()
            assert not [url for url in asked if TOKEN.split()[1] in url or "%20" in url]
            page.get_by_role("button", name="Sign out").click()
            seen.shows("Sign in")
            assert page.evaluate("sessionStorage.length") == 0


def test_the_page_survives_a_restart_of_gloss(chromium, upstream, logs):
    """It says that it is disconnected, tries again, and goes on by itself."""
    expected = [r"net::ERR", r"status of 404"]
    with operated(upstream, logs) as first:
        run_id = first.look_at(upstream.run(recorded_runs.todo_run("page-restart"), status="completed"))
        port = first.admin.rsplit(":", 1)[1]
        with sight(chromium, first.admin, expected=expected) as seen:
            seen.open(f"runs/{run_id}").page.locator(".hero").wait_for()
            assert first.child.stop() == 0
            seen.shows("Disconnected, retrying", ".bar-state")
            assert seen.page.locator(".hero").is_visible()
            with operated(upstream, logs, admin=f"127.0.0.1:{port}") as second:
                seen.shows("Live", ".bar-state")
                seen.shows("not in gloss's cache")
                second.look_at(f"/api/v1/workflows/claude-code/run/{run_id}/status")
                seen.page.locator(".notice").wait_for(state="detached")


def test_a_run_that_nobody_asked_for_is_not_there(chromium, desk):
    """The page says so, and keeps looking."""
    with sight(chromium, desk.admin, expected=[r"status of 404"]) as seen:
        seen.open("runs/run_unheard_of").shows("This run is not in gloss's cache.")
        assert seen.barriers() == []


CURVES = """async (least) => {
  const { shares } = await import("/page/plots.js");
  const { default: Plot } = await import("/page/vendor/uPlot.esm.js");
  const place = document.body.appendChild(document.createElement("div"));
  return least.map((low) => {
    const told = [];
    const { data, options } = shares([{ tint: "", stroke: "solid", points: [[low, 0.5], [low * 40, 1]] }], (x) => told.push(x) && String(x))(() => "black");
    const chart = new Plot({ width: 600, height: 200, ...options }, data, place);
    // Drawn in the next microtask.
    return Promise.resolve().then(() => chart.destroy()).then(() => [...new Set(told)]);
  }).reduce(async (all, one) => [...(await all), await one], Promise.resolve([]));
}"""


def test_the_axis_of_a_curve_has_round_marks_wherever_it_begins(chromium, desk):
    """Just below a decade, too, where the library's own marks have no end; from nothing to hours."""
    least = [0] + [mantissa * 1.15 * 10.0**decade for decade in range(-7, 4) for mantissa in (0.91, 0.95, 0.99, 1, 2.5, 9.9)]
    with sight(chromium, desk.admin) as seen:
        seen.open("rollout").shows("The kill switch")
        drawn = seen.page.evaluate(CURVES, least)
    assert len(drawn) == len(least)
    for low, marks in zip(least, drawn, strict=True):
        digits = {f"{mark:e}".replace("0", "").split("e")[0].rstrip(".") for mark in marks}
        assert digits <= {"1", "2", "5"}, (low, marks)
        # A time of nothing has no place on a logarithmic axis: it must not break the others.
        assert not low or low / 1.16 <= marks[0] <= marks[-1] <= low * 40 * 1.16, (low, marks)


def test_the_page_is_held_to_its_own_files_by_its_headers(desk):
    """A strict policy on every answer, files that are asked for again by their tag, and no data without the API."""
    page = httpx.get(desk.admin + "/", **PLAIN)
    policy = page.headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert part in policy
    assert "unsafe" not in policy and "*" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    known = {"if-none-match": page.headers["etag"]}
    assert httpx.get(desk.admin + "/", headers=known, **PLAIN).status_code == 304
    for path in re.findall(r'(?:href|src)="(/page/[^"]+)"', page.text):
        assert httpx.get(desk.admin + path, **PLAIN).status_code == 200, path
    assert httpx.post(desk.admin + "/", **PLAIN).status_code == 405


def test_a_service_that_is_down_is_told_beside_what_is_proved_of_notes(chromium, logs):
    """Proofs are of the answers that there were: the errors since then must not stand below a bare "No"."""
    command = [sys.executable, "-m", "upstream.app", "--logs", logs]
    child = Child("upstream", command, cwd=HERE)
    service = Upstream(listening(child, r"upstream: (\S+)"), logs)
    path = service.run(recorded_runs.todo_run("page-down"), status="completed")
    with child, operated(service, logs) as gloss, sight(chromium, gloss.admin) as seen:
        verdict = seen.open("comparison").page.locator(".question", has_text="Did anything break?").locator(".verdict")
        gloss.look_at(path)
        seen.shows("No answer was damaged by notes: all 1 checked")
        assert verdict.get_attribute("class") == "verdict good"
        child.stop()
        for headers in ([KEY, ENHANCED], [KEY, ENHANCED], [KEY]):
            assert httpx.get(gloss.url + path, headers=headers, **PLAIN).status_code == 502
        seen.shows("3 of 4 requests got no answer from the service")
        assert verdict.get_attribute("class") == "verdict warn"
        assert "gloss_rescues_total" in verdict.inner_text()
        assert seen.barriers() == []


def test_only_the_views_of_runs_say_which_runs_are_shown(chromium, desk):
    """The other views tell of all requests, and not of the cache."""
    with sight(chromium, desk.admin) as seen:
        for name, (view, text) in views(desk).items():
            if text != "Progress":
                seen.open(view).shows(text)
                is_shown = seen.page.locator("footer").get_by_text("Shown are the runs").is_visible()
                assert is_shown == view.startswith("runs"), name


COLUMNS = """async (values) => {
  const { columns } = await import("/page/plots.js");
  const { default: Plot } = await import("/page/vendor/uPlot.esm.js");
  const place = document.body.appendChild(document.createElement("div"));
  const { data, options } = columns(values.map(String), [{ tint: "", values }], { tell: (y) => `${y} %`, most: 200 })(() => "sans-serif");
  const said = [];
  const axes = options.axes.map((axis) => ({ ...axis, font: "12px sans-serif" }));
  const chart = new Plot({ width: 600, height: 220, ...options, axes }, data, place);
  chart.ctx.fillText = (text) => said.push(text);
  chart.redraw();
  await Promise.resolve();
  const top = chart.scales.y.max;
  chart.destroy();
  return { top, drawn: data[1], said };
}"""


def test_a_column_that_is_cut_says_its_value_and_leaves_the_others_readable(chromium, desk):
    """A single error of a hundred times the time left must not make all others look like none."""
    with sight(chromium, desk.admin) as seen:
        seen.open("rollout").shows("The kill switch")
        cut = seen.page.evaluate(COLUMNS, [40, 12660, 200])
        assert cut["top"] < 250 and cut["drawn"] == [40, 200, 200]
        assert "↑ 12660 %" in cut["said"] and "40 %" in cut["said"] and "↑ 200 %" not in cut["said"]


WIDTHS = """async (least) => {
  const { columns } = await import("/page/plots.js");
  const { default: Plot } = await import("/page/vendor/uPlot.esm.js");
  const place = document.body.appendChild(document.createElement("div"));
  return [1, 1e9].map((value) => {
    const { data, options } = columns(["one"], [{ tint: "", values: [value] }], { tell: (y) => `${y} %` })(() => "sans-serif");
    const chart = new Plot({ width: 600, height: 220, ...options }, data, place);
    return Promise.resolve().then(() => [chart.over.offsetLeft, chart.ctx.measureText("1000000000 %").width / devicePixelRatio, chart.destroy()]);
  }).reduce(async (all, one) => [...(await all), await one], Promise.resolve([]));
}"""


def test_the_margin_of_an_axis_has_room_for_its_longest_text(chromium, desk):
    """A short text gets the usual margin, a long one as much as it is wide."""
    with sight(chromium, desk.admin) as seen:
        seen.open("rollout").shows("The kill switch")
        [(usual, _, _), (wide, text, _)] = seen.page.evaluate(WIDTHS, [])
        assert usual == 56
        assert wide > text > 56
