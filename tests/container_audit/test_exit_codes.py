"""The command without an engine: exit code 1 is a finding and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from docker.errors import APIError

from container_audit import runner
from container_audit.rules import monitoring
from container_audit.subject import Subject
from container_audit.targets import Target
from workshop_kit import cli
from workshop_kit.engine import reach, reaper
from workshop_kit.errors import Exit, WorkshopError, WrongUsage

Command = Callable[..., int]
CHECKED: dict[str, Any] = {"Healthcheck": {"Test": ["CMD", "true"]}, "ExposedPorts": {"8080/tcp": {}}}
UNCHECKED: dict[str, Any] = {"ExposedPorts": {"8080/tcp": {}}}


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run the audit of an image that is known by its settings alone, and return the exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKSHOP_WORKSPACE", "/no/such")
    monkeypatch.setattr(reach, "connect", lambda: None)
    monkeypatch.setattr(Subject, "read_history", lambda _: [])
    monkeypatch.setattr(reaper, "temporary_session", lambda _: nullcontext(SimpleNamespace(engine=None)))

    def run(*words: str, config: dict[str, Any] = CHECKED) -> int:
        image = Target("shop:1", {"Id": "sha256:" + "0" * 64, "Config": config})
        monkeypatch.setattr(runner, "resolve", lambda *_: (image,))
        monkeypatch.setattr(sys, "argv", ["workshop", "audit", "shop:1", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return run


def raising(error: Exception) -> Callable[..., NoReturn]:
    """A function that raises this error."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


def test_a_finding_is_1_and_none_is_0(command: Command) -> None:
    """An image with a health check, and one without. With ``--fail-on never`` a finding need not count.

    The command needs no workspace, and leaves no file.
    """
    assert command("--only", "monitoring.health-check") == Exit.GOOD
    assert list(Path.cwd().iterdir()) == []
    assert command("--only", "monitoring.health-check", config=UNCHECKED) == Exit.NOT_GOOD
    assert command("--only", "monitoring.health-check", "--fail-on", "never", config=UNCHECKED) == Exit.GOOD


@pytest.mark.parametrize("words", [(), ("--json",), ("--fail-on", "never")])
def test_an_error_in_a_rule_is_3_beside_what_the_others_found(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """The rule cannot be told, the report is complete, and one sentence names the error without a traceback."""
    wrong = ValueError("Exceeds the limit (4300 digits) for integer string conversion")
    monkeypatch.setattr(monitoring, "health_check", raising(wrong))
    rules = "monitoring.health-check,confinement.non-root"
    assert command("--only", rules, *words) == Exit.NOT_READY
    output = capsys.readouterr()
    assert "did not expect: ValueError: Exceeds the limit (4300 digits)" in output.err
    assert "That was in monitoring.health-check; the other rules were applied." in output.err
    assert "Traceback" not in output.err
    if words == ("--json",):
        findings = json.loads(output.out)["audited"][0]["findings"]
        verdicts = {finding["rule"]: finding["verdict"] for finding in findings}
        assert verdicts == {"monitoring.health-check": "cannot_tell", "confinement.non-root": "fails"}


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (KeyError("Name"), Exit.NOT_READY, "did not expect: KeyError: 'Name'"),
        (RecursionError(), Exit.NOT_READY, "did not expect: RecursionError (test_exit_codes.py, line"),
        (APIError("no space left on device"), Exit.NOT_READY, "The engine refused a request: no space left on device."),
        (WorkshopError("The engine refused to make a network."), Exit.NOT_READY, "refused to make a network"),
        (ValueError("DB_PASSWORD=correct-horse"), Exit.NOT_READY, "DB_PASSWORD=[masked"),
        (WrongUsage("There is no image."), Exit.WRONG_USAGE, "There is no image."),
    ],
)
def test_an_error_outside_the_rules_is_3(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: Exit,
    sentence: str,
) -> None:
    """Also one of the workshop's that is 1 elsewhere; wrong usage stays 2."""
    monkeypatch.setattr(runner, "Subject", raising(error))
    assert command() == code
    assert sentence in capsys.readouterr().err
