"""The machine that figures are taken on: which core does what, what a process uses of it, and programs of others."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
UNPACKED = HERE.parent / ".cache" / "nginx" / "usr" / "sbin"

# What is measured runs alone on the first core; whoever drives it, and what stands behind it, share the others.
MEASURED, OTHERS = "0", f"{min(1, os.cpu_count() - 1)}-{os.cpu_count() - 1}"


class Missing(Exception):
    """A program that a row needs is not installed."""


def program(name):
    """The path of a program."""
    path = shutil.which(name) or shutil.which(name, path=UNPACKED)
    if path is None:
        raise Missing(f"{name} is not installed")
    return path


def on(core, *command):
    """The command, bound to these cores."""
    return ["taskset", "-c", core, *map(str, command)]


def family(pid):
    """A process and those that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(grandchild for child in children for grandchild in family(int(child)))]


def cpu_seconds(pid):
    """The time that a process and those that it started have been on a core, to the nanosecond."""
    tasks = [task for member in family(pid) for task in Path(f"/proc/{member}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def resident_kib(pid):
    """The resident memory of a process and those that it started, shared pages counted once."""
    rollups = (Path(f"/proc/{member}/smaps_rollup").read_text() for member in family(pid))
    return sum(int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1)) for rollup in rollups)


def versions():
    """What was measured, on what."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    told = {
        "machine": f"{cpu.group(1) if cpu else platform.machine()}, {os.cpu_count()} cores",
        "kernel": platform.release(),
        "nginx": first_line("nginx", "-v"),
        "HAProxy": first_line("haproxy", "-v"),
        "Python": platform.python_version(),
    }
    return {name: what for name, what in told.items() if what}


def first_line(name, flag):
    """What a program says of itself; None where it is missing."""
    try:
        done = subprocess.run([program(name), flag], capture_output=True, text=True)
    except Missing:
        return None
    return (done.stdout + done.stderr).splitlines()[0]
