"""The programs that the tests need, each started once, and small objects to speak to them."""

import subprocess
from itertools import count
from types import SimpleNamespace

import httpx
import pytest
from clients import CLIENTS, PLAIN
from processes import HERE, Child, gloss_binary, listening, start_gloss
from programs import program

KEY = ("x-api-key", "peer-key")
ENHANCED = ("gloss", "enhanced")
STATUS = "/api/v1/workflows/claude-code/run/{}/status"


class Upstream:
    """The FastAPI service, and what only the tests may do with it."""

    ids = count(1)

    def __init__(self, url, logs):
        self.url = url
        self.logs = logs
        # A connection for each request: an upstream that closes idle ones at once must not break the test itself.
        limits = httpx.Limits(max_keepalive_connections=0)
        socket = url.removeprefix("unix:") if url.startswith("unix:") else None
        transport = httpx.HTTPTransport(uds=socket, limits=limits, verify=False)
        self.http = httpx.Client(base_url="http://localhost" if socket else url, transport=transport, **PLAIN)

    def run(self, events=(), **fields):
        """A new run whose log holds these events; without events there is no log. Gives the path of its status."""
        run_id = fields.setdefault("run_id", f"run_{next(self.ids):012x}")
        self.say("POST", "/_control/runs", fields)
        if events:
            self.append(run_id, events)
        return STATUS.format(run_id)

    def append(self, run_id, events):
        """Lets a run go on by some events of the CLI."""
        self.say("POST", f"/_control/runs/{run_id}/events", list(events))

    def change(self, run_id, **fields):
        """Changes what the service knows of the run, its status for instance."""
        self.say("PATCH", f"/_control/runs/{run_id}", fields)

    def open(self, gate):
        """Lets a waiting route go on."""
        self.say("POST", f"/plain/open/{gate}")

    def say(self, method, path, content=None):
        self.http.request(method, path, json=content).raise_for_status()


@pytest.fixture(scope="session")
def logs(tmp_path_factory):
    """The folder that the upstream writes logs to and gloss reads them from."""
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def start_upstream(logs):
    """Starts upstreams on demand, and ends them after the tests."""
    running = []

    def start(*flags):
        command = [HERE.parent / ".venv" / "bin" / "python", "-m", "upstream.app", "--logs", logs, *flags]
        running.append(Child("upstream", command, cwd=HERE))
        return Upstream(listening(running[-1], r"upstream: (\S+)"), logs)

    yield start
    for child in running:
        child.stop()


@pytest.fixture(scope="session")
def upstream(start_upstream):
    """The upstream that most tests share; idle connections are closed after 5 s, as the service does."""
    return start_upstream("--keep-alive", "5")


@pytest.fixture(scope="session")
def gloss(upstream, logs):
    """gloss in front of that upstream, without any rollout configured."""
    child, url = start_gloss(upstream.url, logs)
    yield SimpleNamespace(url=url, pid=child.process.pid)
    code = child.stop()
    assert code == 0, f"gloss ended with {code}: {child.stderr()}"


@pytest.fixture(params=list(CLIENTS))
def client(request):
    """Each of the clients in turn."""
    return CLIENTS[request.param]


@pytest.fixture
def both(upstream, gloss, client):
    """Sends the same request to the upstream and to gloss, with the same ``Host``; gives both answers."""
    host = ("host", "api.example:8881")

    def ask(method, path, headers=(KEY,), body=None):
        sent = [host, *headers]
        return client(method, upstream.url + path, sent, body), client(method, gloss.url + path, sent, body)

    return ask


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The Debian package of the program under test."""
    for name in ["cargo-deb", "dpkg-deb", "strip"]:
        program(name)
    out = tmp_path_factory.mktemp("debian")
    command = [HERE.parent.parent / "deploy" / "debian" / "build", "--draft", "--binary", gloss_binary(), "--out", out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.deb")
    return built
