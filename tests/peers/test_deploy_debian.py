"""The Debian package on a machine of its own, run by systemd there: installed, asked, reloaded, restarted, purged."""

import json
import shutil

import pytest
from conftest import STATUS
from machine import Machine
from processes import HERE, Child, listening
from upstream import recorded_runs
from wire import wait_until

CONFIG = "/etc/gloss/gloss.toml"
GLOSS = "http://127.0.0.1:8880"
RUN = "run_0000000000aa"
# Of 10: what is left is the network, which a proxy is for, and reading what it is told to.
MOST_EXPOSURE = 1.3


def new_machine(package, folder):
    """A machine that the package lies on, as /srv/shared/gloss.deb."""
    machine = Machine(folder)
    try:
        machine.wait()
        shutil.copy(package, folder / "gloss.deb")
    except BaseException:
        machine.stop()
        raise
    return machine


def install(machine):
    """Installs the package; without the index of all manual pages, which takes longer than all else."""
    return machine.run("dpkg", "--no-triggers", "--force-unsafe-io", "-i", "/srv/shared/gloss.deb")


@pytest.fixture(scope="module")
def machine(package, tmp_path_factory):
    """A machine that has it installed, and nothing else done."""
    machine = new_machine(package, tmp_path_factory.mktemp("machine"))
    try:
        machine.said = install(machine)
        yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="module")
def service(machine):
    """gloss as a service in front of the upstream, whose logs only its own group may read."""
    machine.run("groupadd", "--system", "api")
    machine.run("install", "-d", "-m", "2750", "-g", "api", "/srv/api/logs")
    python = HERE.parent / ".venv" / "bin" / "python"
    command = ["env", f"PYTHONPATH={HERE}", "sh", "-c", 'umask 027; exec "$0" "$@"', python, "-m", "upstream.app"]
    with Child("upstream", [*machine.enter(), *command, "--logs", "/srv/api/logs"]) as child:
        url = listening(child, r"upstream: (\S+)")
        curl(machine, f"{url}/_control/runs", {"run_id": RUN, "status": "running"})
        curl(machine, f"{url}/_control/runs/{RUN}/events", list(recorded_runs.todo_run()))
        configure(machine, f's#^url = ""#url = "{url}"#; s#^sources = .*#sources = ["/srv/api/logs"]#')
        configure(machine, 's#^budget = .*#budget = "10s"#; s#^timeout = "50ms"#timeout = "10s"#')
        machine.run("systemctl", "start", "gloss")
        yield machine
        machine.run("systemctl", "stop", "gloss.socket", "gloss.service")


def curl(machine, url, content=None, *arguments):
    """What curl gets in there."""
    posted = [] if content is None else ["-H", "content-type: application/json", "-d", "@-"]
    stdin = None if content is None else json.dumps(content)
    return machine.run("curl", "-sS", "--fail-with-body", "-m", "20", *posted, *arguments, url, input=stdin)


def configure(machine, change):
    """Changes the configuration file, as sed is told."""
    machine.run("sed", "-i", change, CONFIG)


def poll(machine):
    """Head and JSON of an enhanced answer."""
    asked = ["-i", "-H", "x-api-key: peer-key", "-H", "Gloss: enhanced"]
    head, body = curl(machine, GLOSS + STATUS.format(RUN), None, *asked).split("\n\n", 1)
    return head.lower(), json.loads(body)


def shown(machine, name, unit="gloss.service"):
    """A property of the unit."""
    return machine.run("systemctl", "show", "--value", "-p", name, unit).strip()


def test_the_package_starts_nothing_that_does_not_know_its_upstream(machine):
    """After the installation gloss is there, with manual and completions, and says what to do next; it does not run."""
    assert "set upstream.url" in machine.said
    assert shown(machine, "ActiveState") == "inactive"
    assert machine.try_to("systemctl", "is-enabled", "gloss.service").stdout.strip() == "disabled"
    assert machine.run("gloss", "--version").startswith("gloss ")
    for page in ["gloss.1", "gloss-serve.1"]:
        unzipped = machine.run("zcat", f"/usr/share/man/man1/{page}.gz")
        assert unzipped.count(".SH ") > 5
    script = 'source /usr/share/bash-completion/completions/gloss; complete -p gloss'
    assert "_gloss" in machine.run("bash", "-c", script)
    refused = machine.try_to("gloss", "check", "--config", CONFIG)
    assert (refused.returncode, "upstream.url" in refused.stderr) == (78, True)
    assert "gloss:gloss" in machine.run("sh", "-c", "echo $(id -un gloss):$(id -gn gloss)")


def test_systemd_has_nothing_to_say_against_the_units(machine):
    """Both are valid as they are installed, their programs and manual page being there."""
    installed = ["/usr/lib/systemd/system/gloss.service", "/usr/lib/systemd/system/gloss.socket"]
    done = machine.try_to("systemd-analyze", "verify", *installed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    machine.run("sh", "-c", f"sed 's/^Type=.*/Type=eager/' {installed[0]} > /tmp/gloss.service")
    assert "eager" in machine.try_to("systemd-analyze", "verify", "/tmp/gloss.service").stderr


def test_the_service_may_do_little_but_be_a_proxy(machine):
    """systemd's own measure of what a service that was taken over could reach."""
    asked = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
    strict = [*asked, f"--threshold={MOST_EXPOSURE * 10:.0f}", "/usr/lib/systemd/system/gloss.service"]
    assert "Overall exposure level" in machine.run(*strict)
    machine.run("sh", "-c", "grep -v ^Capability /usr/lib/systemd/system/gloss.service > /tmp/gloss.service")
    assert machine.try_to(*strict[:-1], "/tmp/gloss.service").returncode != 0


def test_the_log_of_another_user_is_read_once_the_service_is_in_the_group(service):
    """Started as a user of its own, with all the hardening: first without the right to read logs, then with it."""
    assert service.run("ps", "-o", "user=", "-p", shown(service, "MainPID")).strip() == "gloss"
    head, answer = poll(service)
    assert "gloss-reason: log-unreadable" in head or "gloss-reason: no-log" in head, head
    assert "workflow_steps" not in answer
    service.run("mkdir", "-p", "/etc/systemd/system/gloss.service.d")
    drop_in = "/etc/systemd/system/gloss.service.d/logs.conf"
    service.run("tee", drop_in, input="[Service]\nSupplementaryGroups=api\n")
    service.run("systemctl", "daemon-reload")
    service.run("systemctl", "restart", "gloss")
    head, answer = poll(service)
    assert "gloss-variant: enhanced" in head, head
    assert (answer["enhancement"]["log_source"], answer["workflow_steps"]["total_steps"] > 1) == ("file", True)


def test_a_reload_that_would_be_refused_fails_and_says_why(service):
    """And what is in force goes on; a good one comes into force in the same process."""
    process = shown(service, "MainPID")
    configure(service, "s/^percent = .*/percent = 101.0/")
    assert service.try_to("systemctl", "reload", "gloss").returncode != 0
    assert "rollout.percent" in service.journal()
    assert "gloss-variant: enhanced" in poll(service)[0]
    configure(service, "s/^percent = .*/percent = 12.5/")
    service.run("systemctl", "reload", "gloss")
    in_force = lambda: "gloss_rollout_percent 12.5" in curl(service, "http://127.0.0.1:8881/metrics")  # noqa: E731
    wait_until(in_force, "the new percentage is in force")
    assert (shown(service, "MainPID"), shown(service, "ActiveState")) == (process, "active")


def test_what_is_killed_comes_back_and_what_is_refused_does_not(service):
    """A crash is mended by a restart; a configuration that is refused would only be refused again."""
    killed = shown(service, "MainPID")
    service.run("systemctl", "kill", "--signal=KILL", "gloss")
    wait_until(lambda: shown(service, "MainPID") not in ("0", killed), "another process runs")
    wait_until(lambda: shown(service, "ActiveState") == "active", "it serves again")
    configure(service, "s/^percent = .*/percent = 101.0/")
    assert service.try_to("systemctl", "restart", "gloss").returncode != 0
    configure(service, "s/^percent = .*/percent = 12.5/")
    assert (shown(service, "ActiveState"), shown(service, "ExecMainStatus")) == ("failed", "78")
    service.run("systemctl", "restart", "gloss")


def test_a_restart_behind_the_socket_turns_nobody_away(service):
    """Requests that come while gloss restarts wait, and are answered."""
    service.run("systemctl", "stop", "gloss")
    service.run("systemctl", "start", "gloss.socket", "gloss.service")
    assert "does not count" in service.run("journalctl", "-u", "gloss", "--no-pager", "-n", "20")
    before = shown(service, "MainPID")
    asking = "for i in $(seq 60); do curl -sS -m 20 -o /dev/null -w '%{http_code} ' " + GLOSS + "/plain/cached; done"
    restarts = "for i in 1 2 3; do systemctl restart gloss; done"
    said = service.run("sh", "-c", f"{{ {restarts}; }} & {asking}; wait")
    assert said.split() == ["200"] * 60
    assert shown(service, "MainPID") != before


def test_an_upgrade_keeps_the_configuration_and_goes_on_serving(service):
    """Installed again over itself, as an upgrade is: what the operator wrote stays, and the new program runs."""
    before, config = shown(service, "MainPID"), service.run("cat", CONFIG)
    install(service)
    assert service.run("cat", CONFIG) == config
    assert (shown(service, "ActiveState"), shown(service, "MainPID") != before) == ("active", True)
    assert "gloss-variant: enhanced" in poll(service)[0]


def files(machine):
    """Every file that a package could leave."""
    left_alone = ["/var/lib/dpkg", "/var/log", "/var/cache", "/var/tmp"]
    pruned = [word for folder in left_alone for word in ("-path", folder, "-prune", "-o")]
    return set(machine.run("find", "/etc", "/usr", "/var", "/run", *pruned, "-print").splitlines())


def test_a_purge_leaves_nothing(package, tmp_path):
    """Neither files nor the user, also when the service has run and kept something."""
    machine = new_machine(package, tmp_path)
    try:
        before = files(machine)
        install(machine)
        configure(machine, 's#^url = ""#url = "http://127.0.0.1:9"#; s#^persist = .*#persist = "/var/lib/gloss/kept"#')
        machine.run("systemctl", "enable", "--now", "gloss.socket", "gloss.service")
        machine.run("gloss", "rollout", "--percent", "5", "--url", "http://127.0.0.1:8881")
        kept = files(machine) - before
        assert {"/usr/bin/gloss", "/var/lib/gloss/kept", CONFIG} <= kept
        machine.run("dpkg", "--no-triggers", "--purge", "gloss")
        # Of the tools that make users: copies of the lists before, and a lock until the next start.
        lists = ["passwd", "group", "shadow", "gshadow", "subuid", "subgid"]
        backups = {"/run/adduser", *(f"/etc/{name}-" for name in lists)}
        left = {path for path in files(machine) - before - backups if not path.startswith("/run/systemd/")}
        assert left == set()
        assert machine.try_to("getent", "passwd", "gloss").returncode != 0
        assert machine.try_to("getent", "group", "gloss").returncode != 0
        assert machine.try_to("pgrep", "-x", "gloss").returncode != 0
        assert shown(machine, "LoadState") == "not-found"
    finally:
        machine.stop()
