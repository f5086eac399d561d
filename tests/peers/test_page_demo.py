"""The operators' page over `gloss demo`, as a newcomer meets it: nothing configured, and something to see within a minute."""

import json
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from browser import chromium, fastest_median, seconds_until, sight
from processes import Child, gloss_binary

__all__ = ["chromium"]

LIVE, DONE = "run_7c41e09ad35b", "run_2f95c7a3b0e6"
VIEWS = {
    "runs": "in the cache",
    f"runs/{LIVE}": "Tools",
    f"runs/{DONE}": "completed",
    "comparison": "Half of the enhanced answers",
    "rollout": "The kill switch",
    "fallbacks": "Fallbacks by minute",
}


@pytest.fixture(scope="module")
def demo():
    """A demo at four times its speed; gives the address of its page and the folder of its logs."""
    command = [gloss_binary(), "demo", "--speed", "4", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    with Child("demo", command) as child:
        admin = child.wait_for(r"admin on (http://\S+)")
        logs = Path(child.wait_for(r"writes its logs to (\S+)\.$"))
        assert child.wait_for(r"^  (http://\S+/)$") == f"{admin}/"
        yield SimpleNamespace(admin=admin, logs=logs)


def test_every_view_has_something_to_show_within_a_minute(chromium, demo):
    """Without anybody asking: all runs, the comparison of both variants, fallbacks with their reason."""
    with sight(chromium, demo.admin) as seen:
        seen.page.set_default_timeout(60_000)
        # A run's own view says 404 in the console as long as nobody has asked for it: first the demo has to.
        for run_id in (LIVE, DONE):
            seen.open("runs").shows(run_id)
        for view, text in VIEWS.items():
            seen.open(view).shows(text)
            assert seen.barriers() == [], view
        seen.open("comparison").shows("No answer was damaged by notes: all ")
        assert seen.page.locator("canvas").count() >= 4
        assert seen.page.locator(".plot").first.get_attribute("aria-label").startswith("Error rates. Basic:")
        seen.page.locator("details.numbers summary").first.click()
        seen.shows("Requests and errors by variant", "table")
        seen.open("runs").page.wait_for_function("() => document.querySelectorAll('.run-row').length > 4")


def test_a_line_in_a_log_of_the_demo_is_seen_within_a_second(chromium, demo):
    """By the median of some lines, which nobody but the page looks for."""
    log = demo.logs / f"run_{DONE}.log"
    with sight(chromium, demo.admin) as seen:
        seen.open(f"runs/{DONE}").shows("completed")
        lines = seen.figure("Log")
        lines.wait_for()

        def news():
            before = lines.inner_text().split()[0]
            entry = {"timestamp": datetime.now(timezone.utc).isoformat(), "run_id": DONE, "event_type": "event"}
            entry |= {"event_category": "other", "data": {"message": "one more"}}

            def append():
                with open(log, "a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")

            changed = """before => [...document.querySelectorAll('.figure')].some(
                figure => figure.textContent.startsWith('Log') && !figure.textContent.startsWith('Log' + before))"""
            return seconds_until(seen, changed, before, append)

        assert fastest_median(news) < 1
