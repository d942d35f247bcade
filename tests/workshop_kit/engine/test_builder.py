"""A build that failed for want of a registry is explained by what there is on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docker.errors import BuildError

from workshop_kit.engine.builder import explain_build_error
from workshop_kit.engine.recipes import PYTHON_ALIAS, wheels

NO_HOST = 'failed to do request: Head "https://registry-1.docker.io/v2/": dial tcp: lookup: no such host'
DENIED = "pull access denied, repository does not exist or may require authorization: server message: denied"


def unresolved(image: str, reason: str = NO_HOST) -> str:
    """What BuildKit says of an image that no registry gave it."""
    short = image.removeprefix("docker.io/library/")
    return f"ERROR: failed to solve: {short}: failed to resolve source metadata for {image}: {reason}\n"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (unresolved("docker.io/library/python:3.13"), f"python:3.13 is not on this engine .* {PYTHON_ALIAS}"),
        (unresolved("docker.io/workshop/pyton:3.13", DENIED), f"workshop/pyton:3.13 is not .* {PYTHON_ALIAS}"),
        (unresolved("ghcr.io/astral-sh/uv:latest"), "ghcr.io/astral-sh/uv:latest is not on this engine"),
        ("pull access denied for python, repository does not exist", "python is not on this engine"),
        ("manifest for python:9 not found: manifest unknown", "python:9 is not on this engine"),
        (unresolved(f"docker.io/{PYTHON_ALIAS}", DENIED), r"run \./workshop setup"),
        (
            "#2 resolve image config for docker-image://docker.io/docker/dockerfile:1\n#2 ERROR: no such host\n"
            + unresolved("docker.io/docker/dockerfile:1"),
            "`# syntax=docker/dockerfile:1` .* delete that line",
        ),
        (
            "#8 0.6 ERROR: Could not find a version that satisfies the requirement flask==3.0 (from versions: none)",
            r"no wheel of flask in .* starlette \d",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement starlette<1 (from versions: 1.10.0)",
            r"no wheel of starlette<1 .* it has starlette \d",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement Prometheus_Client==9 (from versions: 0.2)",
            r"it has prometheus-client \d",
        ),
        ('ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1', None),
    ],
)
def test_what_a_registry_would_have_given_is_named_with_what_there_is(log: str, said: str | None) -> None:
    """One sentence, the same for a log as text, as the SDK's dictionaries, and as BuildError."""
    steps = [{"stream": f"{line}\n"} for line in log.splitlines()]
    found = {explain_build_error(one) for one in (log, steps, BuildError(log.splitlines()[-1], steps))}
    assert len(found) == 1
    sentence = found.pop()
    if said is None:
        assert sentence is None
    else:
        assert sentence is not None
        assert re.search(said, sentence)


def test_the_wheels_are_those_that_the_service_needs_here(root: Path) -> None:
    """Every package of the service is among them with its version, and none that only another system needs."""
    there = wheels(root)
    lock = (root / "workshop_app" / "requirements.txt").read_text()
    needed = dict(re.findall(r"^([\w.-]+)==(\S+) \\$", lock, re.MULTILINE))
    assert {"starlette", "uvicorn", "sqlalchemy"} <= needed.keys()
    assert needed.items() <= there.items()
    assert "pytest" in there
    assert "colorama" not in there
