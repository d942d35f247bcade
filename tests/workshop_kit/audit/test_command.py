"""``./workshop audit``: exit codes, one document on stdout, one sentence for each error."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import wait_until
from workshop_kit import cli
from workshop_kit.engine.session import Session
from workshop_kit.errors import Exit

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

Command = Callable[..., int]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run the command in this process, in an empty folder, and return its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKSHOP_WORKSPACE", "/no/such")

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["workshop", "audit", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return run


def test_a_good_image_is_0_and_json_alone_is_on_stdout(
    root: Path, clean_environment: dict[str, str], images: dict[str, str], tmp_path: Path
) -> None:
    """The service's own image. The command needs no workspace, and leaves nothing: no workspace, ledger or folder."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    places = {"PYTHONPATH": str(root), "TMPDIR": str(temporary), "WORKSHOP_WORKSPACE": "/no/such"}
    words = [sys.executable, "-P", "-m", "workshop_kit.cli", "audit", images["app"], "--only", "static", "--json"]
    environment = {**clean_environment, **places}
    said = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (said.returncode, json.loads(said.stdout)["holds"]) == (Exit.GOOD, True)
    assert [*tmp_path.iterdir(), *temporary.iterdir()] == [temporary]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], Exit.NOT_GOOD),
        (["--fail-on", "build,confinement"], Exit.NOT_GOOD),
        (["--fail-on", "build"], Exit.GOOD),
        (["--fail-on", "never"], Exit.GOOD),
    ],
)
def test_what_counts_can_be_chosen(command: Command, images: dict[str, str], words: list[str], code: Exit) -> None:
    """--fail-on narrows the rules of the exit code: the base image runs as root."""
    assert command(images["base"], "--only", "confinement.non-root", *words) == code


def test_what_is_accepted_does_not_count(
    command: Command, images: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--ignore takes a reason and a day; --html goes to a file, --sarif to stdout."""
    entry = 'rule = "confinement.non-root"\nreason = "It is a test."\nuntil = 2999-12-31\n'
    (tmp_path / "ignore.toml").write_text(f"[[ignore]]\n{entry}")
    forms = ("--sarif", "--html", "report.html", "--ignore", "ignore.toml")
    assert command(images["base"], "--only", "confinement.non-root", *forms) == Exit.GOOD
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert (result["kind"], len(result["suppressions"])) == ("fail", 1)
    assert "accepted until 2999-12-31: It is a test." in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["no-such-thing"], "There is neither an image nor a container 'no-such-thing' on this engine."),
        (["x", "--json", "--sarif"], "--json and --sarif exclude each other."),
    ],
)
def test_wrong_words_are_2(
    command: Command, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, nothing on stdout."""
    assert command(*words) == Exit.WRONG_USAGE
    said = capsys.readouterr()
    assert (sentence in said.err, said.out) == (True, "")


def test_without_an_engine_it_is_3(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the documentation says."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert command("x") == Exit.NOT_READY


@pytest.mark.long
def test_a_killed_audit_leaves_no_container(
    root: Path, session: Session, clean_environment: dict[str, str], images: dict[str, str], tmp_path: Path
) -> None:
    """The reaper removes everything in the ledger."""
    environment = {**clean_environment, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-P", "-m", "workshop_kit.cli", "audit", images["app"], "--only", "lifecycle"]
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        made = wait_until(lambda: [one for one in _entries(tmp_path) if one["kind"] == "container"])
        process.kill()
    client = session.engine.client
    wait_until(lambda: not client.containers.list(all=True, filters={"id": made[0]["id"]}, ignore_removed=True))
    wait_until(lambda: _entries(tmp_path) == [])


def _entries(folder: Path) -> list[dict[str, str]]:
    """The created entries of the ledgers below a folder."""
    lines = [line for path in folder.rglob("ledger.jsonl") for line in path.read_text().splitlines()]
    return [entry for entry in map(json.loads, lines) if "=" not in entry["id"]]
