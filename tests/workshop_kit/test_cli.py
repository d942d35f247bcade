"""The command line on a machine that is ready, or whose engine is not."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from tests.commands import Cli
from tests.workshop_kit.engine.recorded_engines import GOOD
from workshop_dev.commands import tour
from workshop_kit.commands import COMMANDS
from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.session import Session
from workshop_kit.errors import Exit
from workshop_kit.workspace.folder import Workspace


def test_every_command_of_the_table_exists_and_explains_itself(cli: Cli) -> None:
    """The table of needs names the same commands."""
    listing = cli("--help").stdout
    for name, command in COMMANDS.items():
        process = cli(name, "--help")
        assert process.returncode == Exit.GOOD
        assert command.summary.split(":")[0] in process.stdout
        assert f"{name} " in listing


@pytest.mark.engine
def test_the_doctor_is_content_after_set_up(cli: Cli, workspace: Workspace) -> None:
    """Everything is good on the machine that runs these tests; JSON and nothing else on stdout.

    Without a workspace no container is started to try the engine.
    """
    process = cli("doctor", "--json", WORKSHOP_WORKSPACE=str(workspace.folder))
    report = json.loads(process.stdout)
    assert [finding for finding in report["findings"] if finding["state"] == "fixable"] == []
    assert {"Docker engine", "Engine version", "Disk", "Memory", "Images", "Clock", "Ports"} <= {
        finding["name"] for finding in report["findings"]
    }
    assert {*GOOD} <= {finding["name"] for finding in report["findings"]}
    assert (process.returncode, report["good"]) == (Exit.GOOD, True)
    process = cli("doctor", WORKSHOP_WORKSPACE=str(workspace.folder / "none"))
    assert "– n/a      Clock, limits, health, logs" in process.stdout


def test_a_stopped_engine_is_a_finding_and_not_started_with_no_install(cli: Cli, tmp_path: Path) -> None:
    """doctor exits 1 and says how to fix it; setup --no-install exits 3 with the same sentence."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(path))
    closed_engine = {"DOCKER_HOST": f"unix://{path}"}
    process = cli("doctor", "--json", **closed_engine)
    [finding] = [finding for finding in json.loads(process.stdout)["findings"] if finding["name"] == "Docker engine"]
    assert (process.returncode, finding["state"]) == (Exit.NOT_GOOD, "fixable")
    assert "is stopped" in finding["detail"]
    for command in (("setup", "--no-install"), ("setup",), ("down",)):
        process = cli(*command, **closed_engine)
        assert process.returncode == Exit.NOT_READY, command
        assert "is stopped" in process.stderr
        assert "Traceback" not in process.stderr


def started(root: Path, environment: dict[str, str]) -> tuple[str, str]:
    """The first line of a start that is ended then, and all its messages."""
    command = [sys.executable, "-m", "workshop_kit.cli", "start", "--no-browser"]
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
        _, messages = process.communicate(timeout=60)
    return line, messages


def test_without_an_engine_the_book_opens(root: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """``start`` gives the reason in one sentence, and serves the lessons with their outputs."""
    environment |= {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "WORKSHOP_WORKSPACE": f"{tmp_path}/own"}
    line, messages = started(root, environment)
    assert "/tree/book/README.md?token=" in line
    first_step, complaint, more, *last_steps = messages.strip().split("\n")
    assert complaint.startswith("No Docker engine: there is no socket at unix://")
    assert more == "Until then you can read the book: the lessons with their outputs."
    assert (first_step, *last_steps) == ("JupyterLab: starting", "JupyterLab: done")


def test_start_says_what_a_killed_process_left(
    root: Path, environment: dict[str, str], workspace: Workspace, session: Session, images: dict[str, str]
) -> None:
    """And removes it, before JupyterLab starts."""
    dead_session = replace(session, maker="0@0")
    containers.run(dead_session, Spec(images["base"], command=("sleep", "600"), network="none"))
    _, messages = started(root, environment | {"WORKSHOP_WORKSPACE": str(workspace.folder)})
    assert "Removed what a killed process left: 1 container.\n" in messages


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["start", "09_nothing"], "There is no lesson '09_nothing'. Choose from: 00_start"),
        (["goto", "0"], "'0' fits more than one lesson: 00_start, 01_container"),
        (["tour", "--track", "half-day", "--book"], "Leave --book away, or the track."),
        pytest.param(
            ["audit", "no-such-thing"],
            "There is neither an image nor a container 'no-such-thing' on this engine.",
            marks=pytest.mark.engine,
        ),
        (["start", "--port", "http"], "Invalid value for '--port'"),
        (["seat"], "On your own machine run ./workshop start"),
    ],
)
def test_wrong_words_are_wrong_usage(cli: Cli, words: list[str], sentence: str) -> None:
    """Exit code 2, a sentence that names the word, no traceback, and nothing on stdout."""
    process = cli(*words)
    assert sentence in process.stderr
    assert "Traceback" not in process.stderr
    assert (process.returncode, process.stdout) == (Exit.WRONG_USAGE, "")


def test_a_tour_on_a_read_only_checkout_is_one_sentence(
    cli: Cli, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the folder that cannot be written."""
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    folder = small_disk / "tour"
    monkeypatch.setattr(tour, "TOURS", folder)
    process = cli("tour")
    assert (process.returncode, process.stderr.count("\n")) == (Exit.NOT_READY, 1)
    assert process.stderr.startswith(f"{folder}")
    assert "cannot be written" in process.stderr


def test_wrong_settings_are_named(cli: Cli) -> None:
    """SSL_CERT_FILE without a file, before a build trips over it."""
    process = cli("doctor", SSL_CERT_FILE="/no/such.pem")
    assert process.returncode == Exit.NOT_GOOD
    assert "SSL_CERT_FILE names /no/such.pem" in process.stdout


def test_an_interrupted_command_ends_in_a_sentence(cli: Cli) -> None:
    """Typer turns Ctrl-C into an exit code; the sentence says that nothing is lost."""
    with mock.patch("workshop_room.commands.plan.main", side_effect=KeyboardInterrupt):
        process = cli("plan")
    assert process.returncode == 130
    assert process.stderr == "Stopped. Nothing is lost: run the same command again.\n"


@pytest.mark.parametrize("command", ["setup", "check", "status"])
def test_a_command_is_quick_to_import(root: Path, command: str) -> None:
    """pandas and matplotlib take seconds to import; before a check begins, no command needs them."""
    program = "import sys; from workshop_kit.cli import application; application(sys.argv[1]); print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", program, command], cwd=root, capture_output=True, text=True, check=True
    )
    assert not {"pandas", "matplotlib"} & {*process.stdout.split()}
