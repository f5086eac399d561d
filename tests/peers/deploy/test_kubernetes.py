"""The manifests, the overlay and the chart: valid for Kubernetes, hardened, and three ways to say the same."""

import base64
import copy
import json
import re
import subprocess
import tomllib

import pytest
import yaml
from processes import gloss_binary

from .manifests import KUBERNETES, check, container, helm, kustomized, named, pod, read, sidecar

IMAGE = {"upstream": {"image": "registry.example/workflow-api:1.0"}}
# What the restricted level of Kubernetes' Pod Security Standards asks of a container, and a root nobody can write to.
HARDENED = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def plain():
    return read((KUBERNETES / "plain.yaml").read_text())


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What Helm says of the chart with the least that has to be said, and what it installs."""
    said, objects = helm(tmp_path_factory.mktemp("cluster"), IMAGE)
    return said, named(list(objects.values()))


def test_the_plain_manifests_are_valid():
    check(plain())


def test_a_field_that_kubernetes_does_not_know_is_noticed():
    """So that the other tests can fail."""
    validation = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    objects = plain()
    sidecar(objects)["startupProb"] = {}
    with pytest.raises(validation.ValidationError):
        check(objects)


def test_the_overlay_makes_the_plain_manifests_of_the_service_without_gloss():
    made, written = kustomized(KUBERNETES / "overlay"), plain()
    check(made)
    files = [objects["ConfigMap", "api-gloss"].pop("data")["gloss.toml"] for objects in (made, written)]
    assert made == written
    assert tomllib.loads(files[0]) == tomllib.loads(files[1])
    assert all("#" in each for each in files), "the file is commented where the operator edits it"


def test_the_overlay_leaves_what_the_deployment_has(tmp_path):
    """Init containers, volumes, mounts and variables of one's own stay; gloss comes beside them."""
    service = KUBERNETES / "service"
    theirs = list(yaml.safe_load_all((service / "service.yaml").read_text()))
    spec = theirs[0]["spec"]["template"]["spec"]
    spec["initContainers"] = [{"name": "migrate", "image": "registry.example/migrate:1"}]
    spec["volumes"] = [{"name": "state", "emptyDir": {}}]
    spec["securityContext"] = {"runAsUser": 1000}
    spec["containers"][0]["volumeMounts"] = [{"name": "state", "mountPath": "/state"}]
    spec["containers"].append({"name": "other", "image": "registry.example/other:1"})
    before = copy.deepcopy(theirs)
    for name in ("service", "overlay"):
        (tmp_path / name).mkdir()
        for file in (KUBERNETES / name).iterdir():
            (tmp_path / name / file.name).write_text(file.read_text())
    (tmp_path / "service" / "service.yaml").write_text(yaml.safe_dump_all(theirs))
    made = kustomized(tmp_path / "overlay")
    check(made)
    was, now = before[0]["spec"]["template"]["spec"], pod(made)
    for kept in ("initContainers", "volumes", "containers"):
        for each in was[kept]:
            found = next(one for one in now[kept] if one["name"] == each["name"])
            mounts = each.pop("volumeMounts", [])
            assert all(mount in found["volumeMounts"] for mount in mounts)
            assert each.items() <= found.items()
    assert now["securityContext"] == {"runAsUser": 1000, "fsGroup": 65532}
    assert sidecar(made) == sidecar(plain())


def test_the_chart_is_linted_installed_and_valid(installed):
    (linted, notes), objects = installed
    assert linted == []
    check(objects)
    assert "port-forward service/api 8880:80" in notes
    token = base64.b64decode(objects["Secret", "api-gloss"]["data"]["token"])
    assert re.fullmatch(rb"[A-Za-z0-9]{48}", token)


def test_the_chart_installs_what_the_plain_manifests_say(installed):
    _, objects = installed
    written = plain()
    assert sidecar(objects) == sidecar(written)
    assert container(objects, "containers", "api") == container(written, "containers", "api")
    for key in ("enableServiceLinks", "securityContext", "volumes"):
        assert pod(objects)[key] == pod(written)[key]
    files = [each["ConfigMap", "api-gloss"]["data"]["gloss.toml"] for each in (objects, written)]
    assert tomllib.loads(files[0]) == tomllib.loads(files[1])
    chosen = objects["Deployment", "api"]["spec"]["selector"]["matchLabels"]
    for kind, name in [("Service", "api"), ("NetworkPolicy", "api-gloss"), ("PodDisruptionBudget", "api-gloss")]:
        expected = json.dumps(written[kind, name]["spec"]).replace('{"app": "api"}', json.dumps(chosen))
        assert objects[kind, name]["spec"] == json.loads(expected) | (
            {"type": "ClusterIP"} if kind == "Service" else {}
        )


def test_everything_that_the_chart_lets_one_choose_is_valid(tmp_path):
    """A service on another port with more of everything, gloss on the port that the service had, and no extras."""
    values = {
        "upstream": {
            "image": "registry.example/other@sha256:" + "0" * 64,
            "port": 8001,
            "logs": "/srv/logs",
            "container": {
                "command": ["uvicorn", "--port", "8001"],
                "env": [{"name": "A", "value": "b"}],
                "volumeMounts": [{"name": "state", "mountPath": "/state"}],
                "readinessProbe": {"tcpSocket": {"port": 8001}},
            },
        },
        "gloss": {
            "port": 8000,
            "adminPort": 9000,
            "tag": "0.2.0",
            "tokenSecret": "mine",
            "env": [{"name": "X", "value": "1"}],
        },
        "replicas": 1,
        "logsVolume": {"emptyDir": None, "persistentVolumeClaim": {"claimName": "logs"}},
        "volumes": [{"name": "state", "emptyDir": {}}],
        "pod": {"serviceAccountName": "api", "securityContext": {"fsGroup": 1000}},
        "podAnnotations": {"a": "b"},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"maxUnavailable": "50%"},
    }
    said, objects = helm(tmp_path, values)
    objects = named(list(objects.values()))
    check(objects)
    assert sorted(kind for kind, _ in objects) == ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service"], said
    assert {"name": "state", "mountPath": "/state"} in container(objects, "containers", "api")["volumeMounts"]
    assert pod(objects)["securityContext"] == {"fsGroup": 1000}
    assert pod(objects)["volumes"][0] == {"name": "run-logs", "persistentVolumeClaim": {"claimName": "logs"}}
    assert objects["Service", "api"]["spec"]["ports"] == [{"port": 80, "targetPort": 8000}]
    assert wired(objects) == (8000, 9000, 8001)


def test_a_mistake_in_the_values_is_told_and_an_upgrade_keeps_the_token(tmp_path):
    values = [{}, IMAGE | {"replicas": "3", "glos": {}}, IMAGE, IMAGE | {"replicas": 3}]
    (_, missing, refused, *notes), objects = helm(tmp_path, *values)
    assert "upstream.image has to be set" in missing["error"]
    assert "replicas" in refused["error"] and "glos" in refused["error"]
    assert [type(each) for each in notes] == [str, str]
    assert objects.patches["/apis/apps/v1/namespaces/default/deployments/api"]["spec"]["replicas"] == 3
    secret = "/api/v1/namespaces/default/secrets/api-gloss"
    token = objects[secret]["data"]
    assert objects.patches.get(secret, {}).get("data", token) == token


def wired(objects):
    """Has the ports lead from the Service to gloss and from gloss to the service, and the probes to gloss's operators'
    listener; gives the ports of gloss, of its operators and of the service."""
    container_of_gloss, variables = sidecar(objects), environment(sidecar(objects))
    clients, operators = (each["containerPort"] for each in container_of_gloss["ports"])
    (service,) = (each["containerPort"] for each in container(objects, "containers", "api")["ports"])
    (led,) = objects["Service", "api"]["spec"]["ports"]
    assert led["targetPort"] == clients
    assert variables["GLOSS_LISTEN"] == f"0.0.0.0:{clients}"
    assert variables["GLOSS_ADMIN"] == f"0.0.0.0:{operators}"
    assert variables["GLOSS_UPSTREAM"] == f"http://127.0.0.1:{service}"
    probes = [container_of_gloss[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    assert [each["port"] for each in probes] == [operators] * 3
    policy = objects.get(("NetworkPolicy", "api-gloss"))
    if policy:
        assert [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]] == [clients, operators]
    return clients, operators, service


def environment(of):
    """The variables of a container, with something in place of what a Secret has."""
    return {each["name"]: each.get("value", "a token") for each in of["env"]}


def test_the_sidecar_is_native_hardened_and_reads_the_logs_that_the_service_writes():
    objects = plain()
    assert wired(objects) == (8880, 8881, 8000)
    gloss, service = sidecar(objects), container(objects, "containers", "api")
    assert gloss["restartPolicy"] == "Always"
    assert HARDENED.items() <= gloss["securityContext"].items() and gloss["securityContext"]["runAsUser"] > 0
    assert pod(objects)["enableServiceLinks"] is False
    shared = {mount["name"]: mount for mount in service["volumeMounts"]}.keys() & {
        mount["name"] for mount in gloss["volumeMounts"]
    }
    assert shared == {"run-logs"}
    assert all(mount["readOnly"] for mount in gloss["volumeMounts"])
    assert {volume["name"] for volume in pod(objects)["volumes"]} == {mount["name"] for mount in gloss["volumeMounts"]}


def test_gloss_takes_the_configuration_of_the_sidecar(tmp_path):
    """`gloss check` with the variables and the file of the manifests: nothing in them is refused or unknown."""
    objects = plain()
    file = tmp_path / "gloss.toml"
    file.write_text(objects["ConfigMap", "api-gloss"]["data"]["gloss.toml"])
    variables = environment(sidecar(objects)) | {"GLOSS_CONFIG": str(file)}
    done = subprocess.run([gloss_binary(), "check"], env=variables, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower() and "unknown" not in done.stderr.lower(), done.stderr
    settings = tomllib.loads(done.stdout)
    assert settings["admin"]["listen"] == "0.0.0.0:8881"
    assert settings["logs"]["sources"] == ["/logs", "body"]
    assert settings["analysis"]["process_check"] == "off"
