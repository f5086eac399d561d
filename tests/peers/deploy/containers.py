"""Real containers by podman: an engine of the tests' own, the image of gloss, and the upstream in a container.

The images that deploy/Dockerfile starts from cannot be had everywhere. In place of the second there is one of the same kind: the
C library of this machine, and no shell. In place of the first stage, which compiles gloss, there is the program under test.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from processes import HERE, gloss_binary
from programs import program

from .manifests import DEPLOY

BASE = "gcr.io/distroless/cc-debian12:nonroot"
IMAGE = "localhost/gloss:0.1.0"
NETWORK = "gloss-tests"
# An image without anything, for programs that are mounted.
NOTHING = "localhost/nothing"
# Works without systemd, under limits that cannot be raised, and on kernels with either kind of control groups.
CONTAINERS_CONF = """
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
STORAGE_CONF = """
[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/running"
"""
PASSWD = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
# The upstream needs Python and what belongs to it, which lie on this machine.
BORROWED = [path for path in ("/usr", "/lib", "/lib64", sys.base_prefix, str(HERE.parent)) if Path(path).exists()]
# How long notes may take: a machine that is busy with other tests must not turn an enhanced answer into a basic one.
BUDGET = {"GLOSS_ENRICH_BUDGET": "10s"}
# How long a container's program may take to come up, for the same reason.
STARTING = 60
UPSTREAM = [sys.executable, "-m", "upstream.app", "--listen", "0.0.0.0:8000", "--logs", "/app/logs"]


class Engine:
    """podman with a store of its own."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "containers.conf").write_text(CONTAINERS_CONF.format(folder=folder))
        (folder / "storage.conf").write_text(STORAGE_CONF.format(folder=folder))
        self.variables = os.environ | {
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "PATH": f"{HERE.parent}/.venv/bin:{os.environ['PATH']}",
        }

    def __call__(self, *arguments, name="podman", stdin=None, **variables):
        """What it prints; it has to end well."""
        done = self.attempt(*arguments, name=name, stdin=stdin, **variables)
        assert (
            done.returncode == 0
        ), f"{name} {' '.join(map(str, arguments))}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
        return done.stdout.strip()

    def attempt(self, *arguments, name="podman", stdin=None, **variables):
        """Runs it, whatever comes of it."""
        return subprocess.run(
            [program(name), *map(str, arguments)],
            env=self.variables | variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def inspect(self, container):
        """What it knows of a container."""
        return json.loads(self("container", "inspect", container))[0]

    def close(self):
        """Ends every container, and leaves nothing: no process, no network, no mount, no file."""
        self("rm", "--all", "--force", "--time", "0")
        self("network", "prune", "--force")
        mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for place in reversed([each for each in mounted if each.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", place], timeout=30, check=True)
        shutil.rmtree(self.folder)


def needed_libraries(binary):
    """The shared libraries that a program is linked to."""
    told = subprocess.run(["ldd", binary], capture_output=True, text=True, timeout=30, check=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", told)]


def make_images(engine):
    """The stand-ins, and gloss's image on top of them by deploy/Dockerfile."""
    base, built = engine.folder / "base", engine.folder / "built"
    for library in needed_libraries(gloss_binary()):
        place = base / library.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library.resolve(), place)
    (base / "etc").mkdir()
    (base / "etc" / "passwd").write_text(PASSWD)
    built.mkdir()
    shutil.copy(gloss_binary(), built / "gloss")
    engine("build", "-q", "-t", BASE, "-f", "-", base, stdin="FROM scratch\nCOPY . /\nUSER 65532\n")
    engine("build", "-q", "-t", NOTHING, "-f", "-", built, stdin='FROM scratch\nCMD ["/none"]\n')
    engine(
        *("build", "-q", "--pull=never", "--layers=false", "--format", "docker", "-t", IMAGE),
        *("--build-context", f"build={built}", "-f", DEPLOY / "Dockerfile", DEPLOY.parent),
    )
