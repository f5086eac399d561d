"""Reads manifests, has Kubernetes' own schemas judge them, and lets kubectl and Helm make more of them."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import yaml
from processes import HERE
from programs import output_of

from .cluster import api_server

DEPLOY = HERE.parent.parent / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
# The oldest version that the files name, and the newest whose schemas are here.
VERSIONS = ["1.29", "1.37"]


def read(text):
    """The objects of some YAML, by kind and name."""
    return named([each for each in yaml.safe_load_all(text) if each])


def named(objects):
    """The objects by kind and name."""
    found = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    assert len(found) == len(objects) > 0, f"nothing, or one name twice: {[each['kind'] for each in objects]}"
    return found


def check(objects):
    """Has every object be valid for the oldest and the newest Kubernetes, without a field that it does not know."""
    judge = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for version in VERSIONS:
        for each in objects.values():
            judge.validate(each, version, strict=True)


def kustomized(folder):
    """What kubectl makes of a kustomization."""
    return read(output_of("kubectl", "kustomize", folder))


def helm(folder, *values, chart=DEPLOY / "helm" / "gloss", name="api"):
    """What Helm says to the chart, and the objects that there are after it was installed with each of the values."""
    if find_spec("helm_sdkpy") is None:
        pytest.skip("helm-sdkpy is not installed")
    with api_server(folder) as (kubeconfig, objects):
        command = [sys.executable, "-m", "deploy.helm", kubeconfig, chart, name, *map(json.dumps, values)]
        # The releases are kept in memory, and not in the cluster.
        kept = os.environ | {"HELM_DRIVER": "memory"}
        done = subprocess.run(list(map(str, command)), env=kept, cwd=HERE, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), objects


def pod(objects):
    """What the Deployment's pods are made from."""
    return next(each for (kind, _), each in objects.items() if kind == "Deployment")["spec"]["template"]["spec"]


def container(objects, where, name):
    """A container of the Deployment."""
    found = [each for each in pod(objects).get(where, []) if each["name"] == name]
    assert len(found) == 1, f"{len(found)} of the {where} are {name}"
    return found[0]


def sidecar(objects):
    """The container that gloss is."""
    return container(objects, "initContainers", "gloss")
