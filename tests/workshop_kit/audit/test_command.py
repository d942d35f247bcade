"""``./workshop audit`` at the terminal: exit codes, one document on stdout, sentences for what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.audit import animals
from workshop_kit.engine.session import Session
from workshop_kit.errors import Exit

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(root: Path, clean_environment: dict[str, str], tmp_path: Path) -> Cli:
    """Run the command from an empty folder, with a home and a temporary folder of its own."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {
        **clean_environment,
        "PYTHONPATH": str(root),
        "TMPDIR": str(temporary),
        "WORKSHOP_WORKSPACE": "/no/such",
    }

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "workshop_kit.cli", "audit", *words]
        return subprocess.run(
            command, cwd=tmp_path, env={**environment, **more}, capture_output=True, text=True, check=False
        )

    return run


def test_a_good_image_is_0_and_json_alone_is_on_stdout(cli: Cli, python_image: str, tmp_path: Path) -> None:
    """It needs no workspace, and leaves nothing: no workspace, no ledger, no folder."""
    said = cli(python_image, "--only", "static", "--json")
    assert (said.returncode, json.loads(said.stdout)["holds"]) == (Exit.GOOD, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tmp"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_fault_is_1_and_what_counts_can_be_chosen(cli: Cli, build: Callable[[animals.Animal], str]) -> None:
    """--fail-on narrows what decides the exit code, not what is shown."""
    (animal,) = (animal for animal in animals.STATIC if animal.name == "root")
    tag = build(animal)
    assert cli(tag, "--only", "confinement,static").returncode == Exit.NOT_GOOD
    narrowed = cli(tag, "--only", "confinement,static", "--fail-on", "build")
    assert narrowed.returncode == Exit.GOOD
    assert "✗ It does not run as root: does not hold." in narrowed.stdout
    assert cli(tag, "--only", "confinement.non-root", "--fail-on", "never").returncode == Exit.GOOD


def test_a_page_and_markdown_are_written(cli: Cli, python_image: str, tmp_path: Path) -> None:
    """--html goes to a file, --markdown to stdout, both at once."""
    said = cli(python_image, "--only", "build.labels", "--markdown", "--html", "report.html")
    assert said.returncode == Exit.GOOD
    assert said.stdout.startswith("## Audit of `")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["no-such-thing"], "There is neither an image nor a container 'no-such-thing' on this engine."),
        (["container:no-such-thing"], "There is neither an image nor a container"),
        (["../../info"], "There is neither an image nor a container"),
        (["<script>"], "There is neither an image nor a container"),
        (["compose:no-such-project"], "No container belongs to a compose project 'no-such-project'."),
        (["x", "--only", "everything"], "'everything' names no guideline, rule or principle."),
        (["x", "--fail-on", "often"], "'often' names no guideline, rule or principle."),
        (["x", "--json", "--markdown"], "--json and --markdown cannot both be had."),
        ([], "Missing argument"),
    ],
)
def test_wrong_words_are_2(cli: Cli, words: list[str], sentence: str) -> None:
    """One sentence, no traceback, nothing on stdout."""
    said = cli(*words)
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr
    assert (said.returncode, said.stdout) == (Exit.WRONG_USAGE, "")


def test_an_image_does_not_live(cli: Cli, python_image: str) -> None:
    """--live with an image is wrong usage; so is --with anything but a project."""
    assert "an image does not live" in cli(python_image, "--live").stderr
    assert "names no compose project" in cli(python_image, "--with", "redis").stderr


def test_without_an_engine_it_is_3(cli: Cli, tmp_path: Path) -> None:
    """The machine is not ready, and the sentence says where the engine was looked for."""
    said = cli("x", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert said.returncode == Exit.NOT_READY
    assert "none.sock" in said.stderr


def test_a_killed_audit_leaves_no_container(
    root: Path, session: Session, clean_environment: dict[str, str], python_image: str, tmp_path: Path
) -> None:
    """Its reaper removes what its ledger says; the ledger's folder alone stays."""
    environment = {**clean_environment, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "workshop_kit.cli", "audit", python_image, "--only", "lifecycle"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        made = _wait_for(lambda: [one for one in _entries(tmp_path) if one["kind"] == "container"])
        process.kill()
    client = session.engine.client
    assert _wait_for(lambda: not client.containers.list(all=True, filters={"id": made[0]["id"]}, ignore_removed=True))
    assert _wait_for(lambda: _entries(tmp_path) == [])


def _entries(folder: Path) -> list[dict[str, str]]:
    """What the ledgers below a folder list, without what is only announced."""
    lines = [line for path in folder.rglob("ledger.jsonl") for line in path.read_text().splitlines()]
    return [entry for entry in map(json.loads, lines) if "=" not in entry["id"]]


def _wait_for(holds: Callable[[], Any]) -> Any:
    """What ``holds`` returns once it is true, or after a minute."""
    deadline = time.monotonic() + 60
    while not (found := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
