"""A build that failed for want of a registry is explained by what there is on this machine."""

from __future__ import annotations

import re

import pytest

from workshop_kit.engine.builder import explain_build_error
from workshop_kit.engine.recipes import PYTHON_ALIAS

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
        (unresolved(f"docker.io/{PYTHON_ALIAS}", DENIED), r"run \./workshop setup"),
        (
            "#2 resolve image config for docker-image://docker.io/docker/dockerfile:1\n#2 ERROR: no such host\n"
            + unresolved("docker.io/docker/dockerfile:1"),
            "`# syntax=docker/dockerfile:1` .* delete that line",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement Prometheus_Client==9 (from versions: 0.2)",
            r"it has prometheus-client \d",
        ),
        ('ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1', None),
    ],
)
def test_what_a_registry_would_have_given_is_named_with_what_there_is(log: str, said: str | None) -> None:
    """One sentence; None for a build that failed for another reason."""
    sentence = explain_build_error(log)
    assert (sentence is None) == (said is None)
    assert re.search(said or "", sentence or "")
