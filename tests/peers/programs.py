"""Programs of others that a test runs: load tools, slow clients, nginx, promtool. Where one is missing, the test is skipped."""

import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import HERE, Child
from wire import wait_until

CACHE = HERE.parent / ".cache"
UNPACKED = f"{CACHE}/nginx/usr/sbin:{CACHE}/prometheus/usr/bin:{HERE.parent}/.venv/bin"

NGINX = """
daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events {{ worker_connections 512; }}
http {{
  access_log off; server_tokens off; client_max_body_size 0; large_client_header_buffers 4 64k;
  client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  {http}
  server {{ listen 127.0.0.1:{port}; root {folder}; {server} }}
}}
"""


def program(name):
    """The path of a program; the test is skipped where it is missing."""
    path = shutil.which(name) or shutil.which(name, path=UNPACKED)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def output_of(name, *arguments, patience=60):
    """What a program prints; it has to end well."""
    done = subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True, timeout=patience)
    assert done.returncode == 0, f"{name} said {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def free_port():
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def nginx(server, http=""):
    """nginx with these directives in its server; gives its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        # Files are served by whoever the workers run as.
        Path(folder).chmod(0o755)
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(port=port, server=server, http=http, folder=folder))
        command = [program("nginx"), "-p", folder, "-c", config, "-e", "stderr"]
        with Child("nginx", command) as child:
            wait_until(lambda: answers_on(port) or child.process.poll() is not None, "nginx listens")
            assert child.process.poll() is None, child.stderr()
            yield f"http://127.0.0.1:{port}"


def answers_on(port):
    """Whether somebody listens there."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
