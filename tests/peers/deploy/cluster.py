"""As much of a Kubernetes API server as Helm needs to install a chart: discovery, and objects that are kept and told.

It judges nothing: whether objects are valid is asked of Kubernetes' schemas (see ``manifests.py``).
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = {"major": "1", "minor": "33", "gitVersion": "v1.33.0", "platform": "linux/amd64"}
KINDS = {
    "v1": {"ConfigMap": "configmaps", "Secret": "secrets", "Service": "services", "Namespace": "namespaces"},
    "apps/v1": {"Deployment": "deployments"},
    "networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
}
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: test, user: test}}}}]
clusters: [{{name: test, cluster: {{server: "{url}"}}}}]
users: [{{name: test, user: {{}}}}]
"""


def discovery(path):
    """The answer to a question about the API itself; None where it is none."""
    if path == "/version":
        return VERSION
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [version.split("/") + [version] for version in KINDS if "/" in version]
        told = [
            {"name": name, "versions": [v := {"groupVersion": whole, "version": short}], "preferredVersion": v}
            for name, short, whole in groups
        ]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": told}
    version = path.removeprefix("/apis/").removeprefix("/api/")
    if version not in KINDS:
        return None
    verbs = ["create", "delete", "get", "list", "patch", "update"]
    resources = [
        {"name": plural, "singularName": "", "namespaced": kind != "Namespace", "kind": kind, "verbs": verbs}
        for kind, plural in KINDS[version].items()
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


class Objects(dict):
    """The objects that there are, by the path that they are read from; ``patches`` are what was to be changed of them."""

    def __init__(self):
        super().__init__()
        self.patches = {}


class Handler(BaseHTTPRequestHandler):
    """Keeps what is made, and tells it. Patches are kept beside it, and change nothing."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = self.path.partition("?")[0]
        found = discovery(path) or self.server.objects.get(path)
        self.answer(200, found) if found else self.refuse(path)

    def do_POST(self):
        made = self.sent()
        path = f"{self.path.partition('?')[0]}/{made['metadata']['name']}"
        self.server.objects[path] = made
        self.answer(201, made)

    def do_PATCH(self):
        path = self.path.partition("?")[0]
        self.server.objects.patches[path] = self.sent()
        self.answer(200, self.server.objects[path])

    def sent(self):
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def refuse(self, path):
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        self.answer(404, status | {"message": f"{path} not found"})

    def answer(self, code, body):
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Says nothing."""


@contextmanager
def api_server(folder):
    """Gives the file by which clients find the server, and the objects that it has."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.objects = Objects()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(KUBECONFIG.format(url=f"http://127.0.0.1:{server.server_port}"))
        try:
            yield str(kubeconfig), server.objects
        finally:
            server.shutdown()
