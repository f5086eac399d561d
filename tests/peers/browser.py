"""Looks at the operators' page with a real Chromium, and holds what it may never do against it: complaints in the console,
requests to anybody else, markup made of a log's text, what the axe rules call a barrier."""

import re
import time
from contextlib import contextmanager
from statistics import median

import pytest
from playwright.sync_api import sync_playwright
from processes import HERE
from programs import program

AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
# How wide, how high, and in which colours.
FORMS = {"light": (1280, 860, "light"), "dark": (1280, 860, "dark"), "phone": (360, 740, "light")}
PATIENCE_MS = 20_000
# A machine that has other things to do may be slow for some seconds, which says nothing of the page.
ROUNDS, SAMPLES = 6, 5


# For a module and no longer: while it is open, no other test can have an event loop of its own.
@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium; without one, tests that look at the page are skipped."""
    path = program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Sight:
    """The page as somebody sees it."""

    def __init__(self, page, admin):
        self.page = page
        self.admin = admin

    def open(self, view):
        """Goes to a view, by its address."""
        self.page.goto(f"{self.admin}/#/{view}")
        return self

    def shows(self, text, within="main"):
        """Waits until this text is there."""
        self.page.locator(within).get_by_text(text).first.wait_for()
        return self

    def figure(self, label):
        """The figure of a run under this name."""
        return self.page.locator(".hero .figure", has=self.page.locator("dt", has_text=re.compile(f"^{label}$"))).locator("dd")

    def barriers(self):
        """What axe has to complain about, in a few words each."""
        # Evaluated by the debugger and not as a script of the page, which its policy would refuse.
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        return [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found]

    def overflow(self):
        """How many pixels the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")


@contextmanager
def sight(chromium, admin, form="light", expected=()):
    """Opens the page's browser; at the end nothing may have gone wrong but what matches one of ``expected``."""
    width, height, colours = FORMS[form]
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=colours)
    context.set_default_timeout(PATIENCE_MS)
    complaints, elsewhere = [], []
    page = context.new_page()

    def judge(route):
        if route.request.url.startswith(admin + "/"):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    context.route("**/*", judge)
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield Sight(page, admin)
    finally:
        context.close()
    left = [text for text in complaints if not any(re.search(pattern, text) for pattern in expected)]
    assert not left, f"the console says: {left}"
    assert not elsewhere, f"asked of others: {elsewhere}"


def seconds_until(sight, condition, argument, begin):
    """How long after ``begin()`` a script's expression becomes true, looked at with every frame."""
    began = time.monotonic()
    begin()
    sight.page.wait_for_function(condition, arg=argument, polling="raf", timeout=PATIENCE_MS)
    return time.monotonic() - began


def fastest_median(sample):
    """The median of some samples in seconds, by the first round of several in which it is below one, else by the best."""
    medians = []
    for _ in range(ROUNDS):
        took = [sample() for _ in range(SAMPLES)]
        print(" ".join(f"{seconds:.2f} s" for seconds in took))
        medians.append(median(took))
        if medians[-1] < 1:
            break
    return min(medians)
