"""Without an opt-in a client cannot tell gloss from the upstream: same status, same bytes, same header set."""

import pytest
from conftest import KEY, STATUS
from upstream import recorded_runs

ROUTES = {
    "no key": ("GET", STATUS.format("run_x"), ()),
    "wrong key": ("GET", STATUS.format("run_x"), [("x-api-key", "guessed")]),
    "unknown run": ("GET", STATUS.format("run_nobody"), [KEY]),
    "trailing slash": ("GET", STATUS.format("run_x") + "/", [KEY]),
    "bad debug value": ("GET", STATUS.format("run_x") + "?debug=maybe", [KEY]),
    "head": ("HEAD", STATUS.format("run_x"), [KEY]),
    "post": ("POST", STATUS.format("run_x"), [KEY]),
    "unknown route": ("GET", "/api/v1/nothing", [KEY]),
    "health": ("GET", "/health", ()),
    "openapi": ("GET", "/openapi.json", ()),
    "preflight": (
        "OPTIONS",
        STATUS.format("run_x"),
        [("origin", "http://page.example"), ("access-control-request-method", "GET")],
    ),
}
EXPECTED = [401, 401, 404, 307, 422, 405, 405, 404, 200, 200, 200]


def assert_same(direct, through):
    """The two answers are the same in everything that is not the connection's own."""
    assert through.status == direct.status
    assert through.body == direct.body
    assert through.header_set() == direct.header_set()


@pytest.mark.parametrize("status", ["pending", "running", "completed", "failed", "timeout", "killed", "archived"])
def test_a_status_answer_is_identical_in_bytes_and_headers(both, upstream, status):
    """Whatever the status, a poll without an opt-in is the upstream's answer, although a log lies there."""
    path = upstream.run(recorded_runs.todo_run(), status=status)
    direct, through = both("GET", path)
    assert direct.status == 200 and direct.json()["status"] == status
    assert direct.json()["logs"].count("\n") > 40
    assert_same(direct, through)


@pytest.mark.parametrize(("name", "code"), list(zip(ROUTES, EXPECTED)))
def test_what_is_no_status_answer_is_identical_too(both, name, code):
    """401 (both kinds), 404, 307, 422, 405, and routes of which gloss knows nothing."""
    method, path, headers = ROUTES[name]
    direct, through = both(method, path, headers)
    assert direct.status == code
    assert_same(direct, through)


def test_the_key_counts_in_the_query_too(both, upstream):
    """The upstream takes its key from the query as well; the query arrives there as it was sent."""
    path = upstream.run(recorded_runs.plain_run(), status="completed")
    direct, through = both("GET", f"{path}?x-api-key=peer-key&debug=1&debug=true&other=%20%2F", ())
    assert direct.status == 200
    assert direct.json()["debug_info"]["session_info"]["max_turns_requested"] == 30
    assert_same(direct, through)


def test_cross_origin_headers_stay(both, upstream):
    """The upstream's two CORS headers come through, and nothing is added to them."""
    path = upstream.run(recorded_runs.plain_run(), status="completed")
    direct, through = both("GET", path, [KEY, ("origin", "http://page.example")])
    assert direct.one("access-control-allow-origin") == "*"
    assert_same(direct, through)


@pytest.mark.parametrize("opt_in", ["maybe", "", "2", "enhanced"])
def test_a_value_that_is_no_boolean_is_no_opt_in(both, upstream, opt_in):
    """``enhanced=`` is read as the upstream's framework reads booleans; anything else is ignored."""
    path = upstream.run(recorded_runs.todo_run())
    assert_same(*both("GET", f"{path}?enhanced={opt_in}&include_steps={opt_in}"))


def test_floats_keep_the_form_python_gives_them(both, upstream):
    """``90.0`` and ``1e-07`` are not reformatted on the way."""
    for value, form in ((90.0, b"90.0"), (1e-07, b"1e-07"), (2.9157259499999992, b"2.9157259499999992")):
        path = upstream.run(recorded_runs.short_run(), status="completed", execution_time=value)
        direct, through = both("GET", path)
        assert b'"execution_time":' + form + b"," in direct.body
        assert_same(direct, through)


def test_a_redirect_names_the_address_that_the_client_used(gloss, client):
    """The upstream builds an absolute Location from the Host header, which is the client's: it leads back to gloss."""
    answer = client("GET", gloss.url + STATUS.format("run_x") + "/", [KEY])
    assert answer.status == 307
    assert answer.one("location") == gloss.url + STATUS.format("run_x")


def test_a_run_can_be_started_and_polled_through_gloss(gloss, client):
    """POST passes with its body, and the run that it starts is there to be polled."""
    api = gloss.url + "/api/v1/workflows/claude-code/run/"
    body = '{"message":"Größe prüfen","max_turns":7}'.encode()
    started = client("POST", api + "fix", [KEY, ("content-type", "application/json")], body)
    assert started.status == 200
    polled = client("GET", f"{api}{started.json()['run_id']}/status?debug=true", [KEY])
    assert polled.json()["workflow_name"] == "fix"
    assert polled.json()["debug_info"]["session_info"]["max_turns_requested"] == 7
