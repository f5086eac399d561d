"""A machine with systemd of its own, in namespaces of this one, for tests that install and run services.

What happens in there stays in there: the file system is a copy that forgets, the network is a loopback of its own.
Skipped where that cannot be had: it takes root, systemd's programs, and a kernel that allows it.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from processes import HERE
from wire import wait_until

SYSTEMD = Path("/usr/lib/systemd/systemd")
NEEDED = ["unshare", "nsenter", "pivot_root", "findmnt", "systemctl", "curl", "ip"]
# As long as installing a package may take where others need the machine, too.
PATIENCE = 240
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Machine:
    """A machine that runs; ``run`` and ``ask`` are programs in it."""

    def __init__(self, shared):
        missing = [name for name in NEEDED if not shutil.which(name, path=PATH)]
        if os.geteuid() or missing or not SYSTEMD.exists():
            pytest.skip(f"a machine of its own takes root and systemd (missing: {' '.join(missing) or 'none'})")
        self.output = Path(shared) / "machine.log"
        with self.output.open("w") as log:
            self.outside = subprocess.Popen(
                ["bash", HERE / "machine.sh", str(shared)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.group = f"gloss-machine-{self.outside.pid}"

    def wait(self):
        """Until it is up; skipped where the kernel allows no such thing."""
        wait_until(lambda: self.outside.poll() is not None or self.is_up(), "a machine is up")
        if self.outside.poll() is not None:
            pytest.skip(f"no machine of its own here: {self.output.read_text()[-500:]}")

    def is_up(self):
        """Whether systemd has done what it does first."""
        return self.first() is not None and self.try_to("systemctl", "is-active", "sysinit.target").returncode == 0

    def first(self):
        """The process that is the first one in there, by the number it has out here."""
        children = Path(f"/proc/{self.outside.pid}/task/{self.outside.pid}/children")
        found = children.read_text().split() if children.exists() else []
        return found[0] if found else None

    def enter(self):
        """What a command begins with that is to run in there."""
        namespaces = ["--mount", "--pid", "--uts", "--ipc", "--cgroup", "--net"]
        return ["nsenter", "-t", self.first(), *namespaces, "--root", "--wd"]

    def try_to(self, *command, text=True, **options):
        """Runs a program in there, however it ends."""
        variables = {"PATH": PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_PAGER": ""}
        return subprocess.run(
            [*self.enter(), *map(str, command)], env=variables, capture_output=True, text=text, timeout=PATIENCE, **options
        )

    def run(self, *command, **options):
        """What a program in there prints; it has to end well."""
        done = self.try_to(*command, **options)
        assert done.returncode == 0, f"{command} said {done.returncode}: {done.stdout}{done.stderr}\n{self.journal()}"
        return done.stdout

    def journal(self):
        """What services have logged in there."""
        return self.try_to("journalctl", "--no-pager", "-n", "40", "-o", "cat").stdout

    def stop(self):
        """Ends all of it."""
        self.outside.kill()
        self.outside.wait()
        for group in Path("/sys/fs/cgroup").glob(f"**/{self.group}"):
            for folder, _, _ in os.walk(group, topdown=False):
                wait_until(lambda folder=folder: removed(folder), "a control group is empty")


def removed(folder):
    """Whether a control group is gone; it is once the processes in it are."""
    try:
        os.rmdir(folder)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return True
