"""What a release consists of, made from the program under test; and the workflows that make one elsewhere."""

import json
import os
import re
import subprocess
import sys
import tarfile
from hashlib import sha256

import pytest
import yaml
from processes import HERE, gloss_binary
from programs import output_of, program

ROOT = HERE.parent.parent
RELEASE = ROOT / "deploy" / "release"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
VERSION = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE).group(1)
SCRIPTS = [
    *(path for path in RELEASE.iterdir() if path.suffix == ""),
    *(path for path in (ROOT / "deploy" / "debian").iterdir() if path.name in ("build", "postinst", "postrm")),
    ROOT / ".ci" / "run",
    HERE / "machine.sh",
]


def run(*command, **options):
    """Runs a program; gives how it ended."""
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=600, cwd=ROOT, **options)


@pytest.fixture(scope="module")
def artefacts(package, tmp_path_factory):
    """The folder of a release, but for the licences of others."""
    program("cargo-cyclonedx")
    out = tmp_path_factory.mktemp("release")
    done = run(RELEASE / "artefacts", f"v{VERSION}", out, "--binary", gloss_binary(), "--draft")
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_a_release_has_an_archive_a_package_a_bill_of_materials_and_their_sums(artefacts, package):
    """And the package is the same to the byte as the one that was made before, in another folder."""
    sums = dict(reversed(line.split("  ")) for line in (artefacts / "SHA256SUMS").read_text().splitlines())
    assert {path: sha256((artefacts / path).read_bytes()).hexdigest() for path in sums} == sums
    assert {path.name for path in artefacts.iterdir()} == {*sums, "SHA256SUMS", "NOTES.md"}
    assert sorted(path.rsplit(".", 1)[-1] for path in sums) == ["deb", "gz", "json"]
    assert sums[package.name] == sha256(package.read_bytes()).hexdigest()


def test_the_archive_runs_where_it_is_unpacked(artefacts, tmp_path):
    """The program, its manual, completions, the configuration, the unit and the licences are in it, and nobody's name."""
    (archive,) = artefacts.glob("*.tar.gz")
    with tarfile.open(archive) as unpacked:
        assert {(member.uid, member.gid, member.uname) for member in unpacked} == {(0, 0, "")}
        unpacked.extractall(tmp_path, filter="data")
    (root,) = tmp_path.iterdir()
    assert run(root / "gloss", "--version").stdout == f"gloss {VERSION}\n"
    files = ["gloss.toml", "systemd/gloss.service", "man/gloss.1.gz", "completions/gloss.zsh"]
    for path in [*files, "LICENSE-MIT", "LICENSE-APACHE"]:
        assert (root / path).stat().st_size > 200, path


def test_the_bill_of_materials_lists_what_gloss_is_linked_with(artefacts):
    """Name and version of each library that Cargo says is compiled in, with its licence, and no path of this machine."""
    (file,) = artefacts.glob("*.cdx.json")
    bill = json.loads(file.read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", VERSION)
    listed = {(one["name"], one["version"]) for one in bill["components"]}
    shape = ["--edges", "normal", "--prefix", "none", "--format", "{p}"]
    linked = run("cargo", "tree", "--locked", "--offline", *shape).stdout
    named = {tuple(re.match(r"(\S+) v(\S+)", line).groups()) for line in linked.splitlines()}
    assert len(named) > 100 and named - {("gloss-proxy", VERSION)} <= listed
    assert all(one.get("licenses") for one in bill["components"])
    assert str(ROOT) not in file.read_text()


def test_the_notes_of_a_release_are_its_section_of_the_changelog(artefacts):
    """And there is one, dated; a version without one is not released."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## \[(.*?)\](?: - (\d{4}-\d\d-\d\d))?$", changelog, re.MULTILINE)
    assert sections[0] == ("Unreleased", "") and all(date for _, date in sections[1:])
    assert VERSION in dict(sections)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", changelog, re.MULTILINE)) <= kinds
    notes = (artefacts / "NOTES.md").read_text()
    assert "### Added" in notes and "## [" not in notes and notes.strip() in changelog
    other = run(RELEASE / "artefacts", "v99.0.0", artefacts.parent / "other", "--binary", gloss_binary(), "--draft")
    assert other.returncode != 0 and "Cargo.toml" in other.stderr


def test_the_licences_of_all_libraries_can_be_told():
    """Each library that is linked is named in the notices, which have the texts."""
    program("cargo-about")
    done = run(RELEASE / "notices")
    assert done.returncode == 0, done.stderr
    for text in ["tokio 1.", "hyper 1.", "Permission is hereby granted", "Apache License"]:
        assert text in done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_what_the_forge_expects(workflow, tmp_path):
    """By the published schema; one with a misspelled key would not pass. What they run is valid shell, and is there."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = run(*check, workflow)
    assert done.returncode == 0, done.stdout + done.stderr
    spoiled = tmp_path / "spoiled.yml"
    spoiled.write_text(workflow.read_text().replace("runs-on:", "run-on:", 1))
    assert run(*check, spoiled).returncode != 0
    steps = [step for job in yaml.safe_load(workflow.read_text())["jobs"].values() for step in job["steps"]]
    scripts = [step["run"] for step in steps if "run" in step]
    assert scripts
    for script in scripts:
        assert run("bash", "-n", "-c", script).returncode == 0, script
        for called in re.findall(r"^(?:\.ci|tests|deploy)/\S+", script, re.MULTILINE):
            assert os.access(ROOT / called, os.X_OK), called


def test_the_oldest_rust_that_is_stated_is_the_one_that_is_tested():
    """The workflow reads it from Cargo.toml, and it is no newer than the one these tests are run with."""
    stated = re.search(r'^rust-version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE).group(1)
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    steps = yaml.safe_load(workflow)["jobs"]["oldest-rust"]["steps"]
    script = next(step["run"] for step in steps if "oldest" in step.get("name", ""))
    read = script.splitlines()[0].removeprefix("version=$(").removesuffix(")")
    assert run("bash", "-c", read).stdout.strip() == stated
    used = re.search(r"rustc (\d+)\.(\d+)", output_of("rustc", "--version"))
    assert tuple(map(int, used.groups())) >= tuple(map(int, stated.split(".")))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_has_nothing_to_say(script):
    """Against the scripts that build packages and releases."""
    done = run(HERE.parent / ".venv" / "bin" / "shellcheck", script)
    assert (done.returncode, done.stdout) == (0, "")
