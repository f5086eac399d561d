"""The image, the compose file and the sidecar, run as containers: not root, no rights, nothing to write to."""

import json
import os
import re
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import jsonschema
import pytest
import yaml
from clients import PLAIN, httpx_client
from conftest import ENHANCED, KEY, Upstream
from contract import additions, check_additions
from processes import HERE
from programs import free_port, output_of
from upstream import recorded_runs
from wire import wait_until

from .containers import BORROWED, BUDGET, IMAGE, NETWORK, NOTHING, STARTING, UPSTREAM
from .manifests import DEPLOY, KUBERNETES, container, pod, read, sidecar

SOURCE = DEPLOY.parent
TOKEN = "operators-of-the-tests"


def answers(url, **headers):
    """The status of an answer; None while there is none."""
    try:
        return httpx.get(url, headers=headers, **PLAIN).status_code
    except httpx.TransportError:
        return None


def check_notes(gloss, service):
    """A run whose log the upstream has written is enhanced from the file that gloss reads."""
    path = service.run(recorded_runs.todo_run(), status="completed")
    direct = httpx_client("GET", service.url + path, [KEY, ("host", "a")])
    assert httpx_client("GET", gloss + path, [KEY, ("host", "a")]).body == direct.body
    enhanced = httpx_client("GET", gloss + path, [KEY, ENHANCED, ("host", "a")])
    added = additions(direct.body, enhanced.body)
    check_additions("completed", added)
    assert added["enhancement"]["log_source"] == "file"


def check_rights(engine, name):
    """Its process is not root, has no rights that root would have, gets none, and writes nowhere."""
    known = engine.inspect(name)
    status = Path(f"/proc/{known['State']['Pid']}/status").read_text()
    told = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.M))
    assert told["Uid"].split() == ["65532"] * 4 and told["Gid"].split() == ["65532"] * 4
    assert {told[each] for each in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    assert told["NoNewPrivs"] == "1" and told["Seccomp"] == "2"
    mounts = Path(f"/proc/{known['State']['Pid']}/mountinfo").read_text().splitlines()
    places = {line.split()[4]: line.split()[5].split(",") for line in mounts}
    assert "ro" in places["/"] and "ro" in places["/logs"]


def test_the_linter_has_nothing_to_say_of_the_dockerfile():
    assert output_of("hadolint", DEPLOY / "Dockerfile") == ""


def test_what_gloss_is_built_from_is_let_into_the_image():
    """Whatever the sources include lies in a folder that `.dockerignore` lets pass."""
    let_in = {line[1:] for line in (SOURCE / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    included = set()
    for file in (SOURCE / "src").rglob("*.rs"):
        if file.name != "tests.rs" and "tests" not in file.parent.parts:
            for path in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', file.read_text()):
                included.add((file.parent / path).resolve().relative_to(SOURCE).parts[0])
    assert {"config"} <= included <= let_in
    assert (SOURCE / "build.rs").exists() == ("build.rs" in let_in)


def test_the_image_is_small_not_root_and_has_no_shell(engine):
    image = json.loads(engine("image", "inspect", IMAGE))[0]
    assert image["User"] == "65532:65532"
    assert image["Config"]["Entrypoint"] == ["/usr/local/bin/gloss"]
    assert image["Healthcheck"]["Test"][:2] == ["CMD", "/usr/local/bin/gloss"]
    assert set(image["Config"]["ExposedPorts"]) == {"8880/tcp", "8881/tcp"}
    shell = engine.attempt("run", "--rm", "--entrypoint", "/bin/sh", IMAGE, "-c", "true")
    assert shell.returncode == 127, shell.stderr


def composed(folder):
    """The compose file that ships with other ports, and the upstream of the tests as its service."""
    ports = {8000: free_port(), 8881: free_port(), 0: free_port()}
    text = (DEPLOY / "compose.yaml").read_text()
    assert '"8000:8880"' in text and '"127.0.0.1:8881:8881"' in text
    text = text.replace('"8000:8880"', f'"127.0.0.1:{ports[8000]}:8880"')
    text = text.replace('"127.0.0.1:8881:8881"', f'"127.0.0.1:{ports[8881]}:8881"')
    (folder / "compose.yaml").write_text(text)
    service = {
        "image": NOTHING,
        "command": UPSTREAM,
        "working_dir": str(HERE),
        "ports": [f"127.0.0.1:{ports[0]}:8000"],
        "volumes": [f"{path}:{path}:ro" for path in BORROWED],
    }
    services = {"api": service, "gloss": {"environment": BUDGET}}
    (folder / "service.yaml").write_text(yaml.safe_dump({"services": services}))
    return [f"http://127.0.0.1:{port}" for port in ports.values()]


def test_the_compose_file_is_valid():
    spec = find_spec("compose")
    if spec is None:
        pytest.skip("docker-compose, for its schema, is not installed")
    schema = json.loads((Path(spec.origin).parent / "config" / "compose_spec.json").read_text())
    written = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    judge = jsonschema.Draft201909Validator(schema)
    judge.validate(written)
    assert not judge.is_valid(written | {"services": {"gloss": {"imag": "x"}}})


def test_the_compose_file_has_gloss_in_front_of_the_service(engine, tmp_path):
    clients, operators, direct = composed(tmp_path)
    files = ["-f", tmp_path / "compose.yaml", "-f", tmp_path / "service.yaml", "-p", "glosstest"]
    refused = engine.attempt(*files, "up", "-d", name="podman-compose", GLOSS_ADMIN_TOKEN="")
    assert refused.returncode != 0 and "what operators present has to be set" in refused.stdout + refused.stderr
    engine(*files, "up", "-d", name="podman-compose", GLOSS_ADMIN_TOKEN=TOKEN)
    try:
        wait_until(lambda: answers(f"{operators}/readyz") == 200, "gloss is ready", STARTING)
        wait_until(lambda: answers(f"{direct}/openapi.json") == 200, "the service is there", STARTING)
        check_notes(clients, Upstream(direct, None))
        check_rights(engine, "glosstest_gloss_1")
        assert answers(f"{operators}/metrics") == 401
        assert answers(f"{operators}/metrics", authorization=f"Bearer {TOKEN}") == 200
        engine("healthcheck", "run", "glosstest_gloss_1")
        said = engine("exec", "glosstest_gloss_1", "gloss", "rollout", "--percent", "10", "--format", "json")
        assert json.loads(said)["percent"] == 10.0
    finally:
        engine(*files, "down", "-v", "-t", "5", name="podman-compose", GLOSS_ADMIN_TOKEN=TOKEN)


def mount_configuration(folder, version, text):
    """Puts a file where the kubelet would: behind two symbolic links, the second of which it swaps."""
    (folder / f"..{version}").mkdir()
    (folder / f"..{version}" / "gloss.toml").write_text(text)
    (folder / "..next").symlink_to(f"..{version}")
    (folder / "..next").rename(folder / "..data")
    if not (folder / "gloss.toml").is_symlink():
        (folder / "gloss.toml").symlink_to("..data/gloss.toml")


def flags_of(gloss, group, volumes):
    """What podman has to be told, for a container to be as a manifest says."""
    security = gloss["securityContext"]
    variables = {each["name"]: each.get("value", TOKEN) for each in gloss["env"]} | BUDGET
    return [
        *("--user", f"{security['runAsUser']}:{security['runAsGroup']}", "--group-add", group, "--memory", "512m"),
        *(f"--cap-drop={each}" for each in security["capabilities"]["drop"]),
        *(["--read-only", "--read-only-tmpfs=false"] if security["readOnlyRootFilesystem"] else []),
        *([] if security["allowPrivilegeEscalation"] else ["--security-opt=no-new-privileges"]),
        *(f"--env={name}={value}" for name, value in variables.items()),
        *(f"--volume={volumes[each['name']]}:{each['mountPath']}:ro" for each in gloss["volumeMounts"]),
    ]


@contextmanager
def sidecar_running(engine, volumes):
    """gloss as the kubelet starts it by the plain manifests. Gives the URLs of its probes, and those by which this machine
    reaches its clients' port, its operators' and the service's, which is in the same network."""
    manifests = read((KUBERNETES / "plain.yaml").read_text())
    gloss, service = sidecar(manifests), container(manifests, "containers", "api")
    ports = {each["containerPort"]: free_port() for each in gloss["ports"] + service["ports"]}
    published = [f"--publish=127.0.0.1:{host}:{port}" for port, host in ports.items()]
    flags = flags_of(gloss, pod(manifests)["securityContext"]["fsGroup"], volumes)
    probes = [gloss[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    try:
        engine("run", "-d", "--name", "sidecar", "--network", NETWORK, *published, *flags, IMAGE)
        yield (
            [f"http://127.0.0.1:{ports[each['port']]}{each['path']}" for each in probes],
            *(f"http://127.0.0.1:{port}" for port in ports.values()),
        )
    finally:
        engine.attempt("rm", "--force", "--time", "0", "service")
        engine.attempt("rm", "--force", "--time", "0", "sidecar")


def start_service(engine, logs):
    """The upstream, in the sidecar's network, as the container of the service."""
    borrowed = [f"--volume={path}:{path}:ro" for path in BORROWED]
    engine(
        *("run", "-d", "--name", "service", "--network", "container:sidecar", "--workdir", HERE, *borrowed),
        *(f"--volume={logs}:/app/logs", NOTHING, *UPSTREAM),
    )


def test_the_sidecar_of_the_manifests_is_up_before_the_service_and_ends_well(engine, tmp_path):
    """As the kubelet would: first gloss, and once its startup probe succeeds the service; then a changed ConfigMap."""
    logs, configuration = tmp_path / "logs", tmp_path / "gloss"
    configuration.mkdir()
    given = read((KUBERNETES / "plain.yaml").read_text())["ConfigMap", "api-gloss"]["data"]["gloss.toml"]
    mount_configuration(configuration, "first", given)
    # As an emptyDir is with fsGroup: what is made in it belongs to the group.
    logs.mkdir()
    os.chown(logs, -1, 65532)
    logs.chmod(0o2770)
    with sidecar_running(engine, {"run-logs": logs, "gloss": configuration}) as (probes, clients, operators, direct):
        wait_until(lambda: [answers(each) for each in probes] == [200] * 3, "the probes succeed", STARTING)
        assert answers(f"{clients}/openapi.json") == 502
        start_service(engine, logs)
        wait_until(lambda: answers(f"{clients}/openapi.json") == 200, "the service is there", STARTING)
        check_notes(clients, Upstream(direct, None))
        check_rights(engine, "sidecar")
        assert answers(f"{operators}/api/rollout") == 401
        mount_configuration(configuration, "second", given.replace("percent = 0.0", "percent = 25.0"))
        with httpx.Client(base_url=operators, headers={"authorization": f"Bearer {TOKEN}"}, **PLAIN) as operator:
            wait_until(lambda: operator.get("/api/rollout").json()["percent"] == 25.0, "the changed file is in force")
        engine("stop", "--time", "30", "sidecar")
        assert engine.inspect("sidecar")["State"]["ExitCode"] == 0
