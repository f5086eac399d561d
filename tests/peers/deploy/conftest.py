"""The container engine that the tests of deploy/ share."""

import pytest
from programs import program

from .containers import IMAGE, NETWORK, Engine, make_images


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """podman with gloss's image; the tests are skipped where it cannot run containers."""
    program("podman")
    engine = Engine(tmp_path_factory.mktemp("containers"))
    try:
        make_images(engine)
        # One of its own: the usual one has a fixed range of addresses, which another engine may have taken.
        engine("network", "create", NETWORK)
        tried = engine.attempt("run", "--rm", "--network", NETWORK, "--publish", "127.0.0.1::8880", IMAGE, "--version")
        if tried.returncode:
            pytest.skip(f"podman runs no containers here: {tried.stderr.strip().splitlines()[-1]}")
        yield engine
    finally:
        engine.close()
