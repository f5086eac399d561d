"""The servers of a measurement: the upstream, and the proxies in front of it, each a process on a core of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from machine import HERE, MEASURED, OTHERS, ROOT, family, on, program

sys.path.insert(0, str(HERE.parent / "peers"))
from processes import Child  # noqa: E402  (found by the path above)

STATUS = "/api/v1/workflows/claude-code/run/run_{}/status"

UPSTREAM = """
daemon off; pid nginx.pid; error_log stderr crit; worker_processes 1;
events {{ worker_connections 4096; }}
http {{
  access_log off; server_tokens off; keepalive_requests 1000000000; keepalive_timeout 600s; sendfile on; tcp_nopush on;
  open_file_cache max=100; default_type application/json; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096; root {folder};
    location /api/ {{ rewrite ^ /status.json break; }}
  }}
}}
"""

NGINX = """
daemon off; pid nginx.pid; error_log stderr crit; worker_processes 1;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream service {{ server {upstream}; keepalive 512; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  option http-keep-alive
  http-reuse always
frontend clients
  bind 127.0.0.1:{port}
  default_backend service
backend service
  server only {upstream}
"""


class Server:
    """A running server."""

    def __init__(self, name, pid, port):
        self.name, self.pid, self.port = name, pid, port
        self.url = f"http://127.0.0.1:{port}"
        self.address = f"127.0.0.1:{port}"


def free_port():
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(port, process):
    """Returns once somebody accepts connections there."""
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"a server ended with {process.returncode}") from None
            time.sleep(0.02)
    raise RuntimeError("a server does not listen")


@contextmanager
def configured(name, core, template, command, **values):
    """A server that reads its configuration from a file, written from this template."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        config = Path(folder) / "config"
        config.write_text(template.format(port=port, **values))
        process = subprocess.Popen(on(core, *command(folder, config)), cwd=folder, stdout=subprocess.DEVNULL)
        try:
            wait_for(port, process)
            yield Server(name, process.pid, port)
        finally:
            process.terminate()
            process.wait()


def run_nginx(folder, config):
    return [program("nginx"), "-p", folder, "-c", config]


def upstream(folder):
    """A server of the files in this folder; every status is ``status.json``."""
    return configured("upstream", OTHERS, UPSTREAM, run_nginx, folder=folder)


def nginx(behind):
    """nginx as a proxy, one worker, with connections to the upstream kept."""
    return configured("nginx", MEASURED, NGINX, run_nginx, upstream=behind)


def haproxy(behind):
    """HAProxy, one thread."""
    command = lambda _, config: [program("haproxy"), "-db", "-q", "-f", config]  # noqa: E731
    return configured("HAProxy", MEASURED, HAPROXY, command, upstream=behind)


def gloss_binary():
    """The build of this checkout that would be shipped, or what ``$GLOSS_BIN`` names."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return Path(os.environ.get("GLOSS_BIN", target / "dist" / "gloss")).resolve(strict=True)


@contextmanager
def gloss(behind, logs=None, core=MEASURED, before=(), **settings):
    """gloss as operators run it; ``settings`` as their variables are named, without the prefix."""
    port, admin = free_port(), settings.pop("admin", "off")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GLOSS_")}
    kept |= {f"GLOSS_{name.upper()}": str(value) for name, value in settings.items()}
    command = [*before, gloss_binary(), "serve", "--listen", f"127.0.0.1:{port}", "--upstream", f"http://{behind}"]
    command += ["--admin", admin]
    if logs:
        command += ["--logs", logs]
    child = Child("gloss", on(core, *command), env=kept)
    try:
        child.wait_for(r"gloss: listening on (\S+)")
        server = Server("gloss", child.process.pid, port)
        server.admin = child.wait_for(r"gloss: admin on (\S+)") if admin != "off" else None
        yield server
    finally:
        # A tracer that ends leaves what it has started.
        for below in family(child.process.pid)[1:]:
            os.kill(below, signal.SIGTERM)
        child.stop()
