"""Compose runs on this machine: a file of others makes it read no other file, and ask for nothing of this process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.checks import container_compose
from workshop_kit.trials.check_api import CheckEnded
from workshop_kit.trials.result import Verdict

SERVICE = "services:\n  my-service:\n    mem_limit: 96m\n"
HARMFUL = [
    "include: [/etc/passwd]\n",
    f"{SERVICE}    extends: {{file: /etc/shadow, service: x}}\n",
    f"{SERVICE}    env_file: /dev/zero\n",
    f'{SERVICE}    "env\\x5ffile": /dev/zero\n',
    f"{SERVICE}    ? env_file\n    : /dev/zero\n",
    f"x-more: &more\n  label_file: /dev/zero\n{SERVICE}    <<: *more\n",
    f"{SERVICE}    !!str env_file: /dev/zero\n",
    "!!binary aW5jbHVkZQ==: [/etc/passwd]\n",
]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace Compose by one that notes how it was called, and finds a service without limits."""
    options_of_calls: list[dict[str, Any]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        options_of_calls.append(options)
        document: dict[str, Any] = {"services": {"my-service": {}}}
        return subprocess.CompletedProcess(command, 0, json.dumps(document), "")

    monkeypatch.setattr(subprocess, "run", run)
    return options_of_calls


@pytest.mark.parametrize("text", HARMFUL)
def test_a_file_that_names_others_is_not_given_to_compose(
    tmp_path: Path, calls: list[dict[str, Any]], text: str
) -> None:
    """However its key is written, the finding says why; a participant's own may."""
    (tmp_path / "compose.yaml").write_text(text)
    with pytest.raises(CheckEnded) as ended:
        container_compose.read(tmp_path, is_closed=True)
    assert ended.value.result.verdict is Verdict.NOT_READABLE
    assert "is not read when work of others is graded" in ended.value.result.summary
    assert not calls
    container_compose.read(tmp_path)
    assert len(calls) == 1


def test_compose_gets_no_variables_of_this_process(
    tmp_path: Path, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text such as ${TOKEN} in their file shows nothing of the teacher's environment."""
    monkeypatch.setenv("TOKEN", "secret")
    (tmp_path / "compose.yaml").write_text(SERVICE)
    container_compose.read(tmp_path, is_closed=True)
    [options] = calls
    assert set(options["env"]) <= {"PATH", "HOME", "DOCKER_CONFIG"}
    assert "PATH" in options["env"]


@pytest.mark.parametrize("text", ["services: {a\n", "services: \x07\n"])
def test_yaml_that_cannot_be_read_is_a_finding(tmp_path: Path, calls: list[dict[str, Any]], text: str) -> None:
    """What is not seen whole is not given to Compose."""
    (tmp_path / "compose.yaml").write_text(text)
    with pytest.raises(CheckEnded):
        container_compose.read(tmp_path, is_closed=True)
    assert not calls
