"""Helm, as a program of its own: the Go library in it takes a process over.

    python -m deploy.helm KUBECONFIG CHART NAME VALUES...

lints the chart and installs it with each of the values (JSON objects) in turn, as ``helm upgrade --install`` does. Prints what
Helm says: a list of lint's complaints, then the notes of each, or an object with its error.
"""

import asyncio
import json
import sys

import helm_sdkpy


async def main(kubeconfig, chart, name, *values):
    config = helm_sdkpy.Configuration(namespace="default", kubeconfig=kubeconfig)
    linted = await helm_sdkpy.Lint(config).run(chart)
    said = [[each for each in linted["Messages"] if each["Severity"] > 1]]
    for chosen in values:
        upgrade = helm_sdkpy.Upgrade(config)
        try:
            done = await upgrade.run(name, chart, values=json.loads(chosen), install=True, wait=False, timeout=30)
            said.append(done["info"]["notes"])
        except helm_sdkpy.HelmError as error:
            said.append({"error": str(error)})
    print(json.dumps(said))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
