"""``./workshop audit``: exit codes, one document on stdout, one sentence for each error."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.audit import bad_images
from tests.workshop_kit.audit.bad_images import BAD_IMAGE_RULES, ENVIRONMENT_FILES
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


@pytest.fixture(scope="module")
def bad_image(image_session: Session, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The service's image with every fault that shows in an image."""
    folder, tag = tmp_path_factory.mktemp("bad"), "workshop-audit-bad-{session}:latest"
    return bad_images.build(image_session, folder, tag, bad_images.BAD_IMAGE, images["app"])


def test_a_good_image_is_0_and_json_alone_is_on_stdout(cli: Cli, images: dict[str, str], tmp_path: Path) -> None:
    """The service's own image. The command needs no workspace, and leaves nothing: no workspace, ledger or folder."""
    said = cli(images["app"], "--only", "static", "--json")
    assert (said.returncode, json.loads(said.stdout)["holds"]) == (Exit.GOOD, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tmp"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_faults_of_an_image_are_1_and_each_is_found_by_its_rule(cli: Cli, bad_image: str) -> None:
    """A file that a later layer deletes counts as well."""
    said = cli(bad_image, "--only", "static", "--json")
    assert said.returncode == Exit.NOT_GOOD
    findings = {one["rule"]: one for one in json.loads(said.stdout)["audited"][0]["findings"]}
    assert {rule for rule, one in findings.items() if one["verdict"] == "fails"} == BAD_IMAGE_RULES
    assert all(path in findings["config.no-secret-files"]["said"] for path in ENVIRONMENT_FILES)
    assert "correct-horse" not in said.stdout


def test_what_counts_can_be_chosen(cli: Cli, images: dict[str, str], bad_image: str, tmp_path: Path) -> None:
    """--fail-on narrows the rules of the exit code, not the report; --html goes to a file, --sarif to stdout."""
    words = ("--only", "confinement.non-root", "--fail-on", "build", "--sarif", "--html", "report.html")
    narrowed = cli(bad_image, *words)
    assert narrowed.returncode == Exit.GOOD
    assert json.loads(narrowed.stdout)["runs"][0]["results"][0]["kind"] == "fail"
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_what_is_accepted_does_not_count(cli: Cli, bad_image: str, tmp_path: Path) -> None:
    """--ignore takes a reason and a day; without a reason it is wrong usage."""
    entry = '[[ignore]]\nrule = "confinement.non-root"\nuntil = 2999-12-31\n'
    file = tmp_path / "ignore.toml"
    words = (bad_image, "--only", "confinement.non-root", "--ignore", "ignore.toml")
    file.write_text(f'{entry}reason = "It is a test."\n')
    said = cli(*words)
    assert (said.returncode, "accepted until 2999-12-31: It is a test." in said.stdout) == (Exit.GOOD, True)
    file.write_text(entry)
    assert cli(*words).returncode == Exit.WRONG_USAGE


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["no-such-thing"], "There is neither an image nor a container 'no-such-thing' on this engine."),
        (["x", "--json", "--sarif"], "--json and --sarif exclude each other."),
    ],
)
def test_wrong_words_are_2(cli: Cli, words: list[str], sentence: str) -> None:
    """One sentence, no traceback, nothing on stdout."""
    said = cli(*words)
    assert sentence in said.stderr
    assert "Traceback" not in said.stderr
    assert (said.returncode, said.stdout) == (Exit.WRONG_USAGE, "")


def test_without_an_engine_it_is_3(cli: Cli, tmp_path: Path) -> None:
    """The sentence names the socket."""
    said = cli("x", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert said.returncode == Exit.NOT_READY
    assert "none.sock" in said.stderr


@pytest.mark.long
def test_a_killed_audit_leaves_no_container(
    root: Path, session: Session, clean_environment: dict[str, str], images: dict[str, str], tmp_path: Path
) -> None:
    """The reaper removes everything in the ledger."""
    environment = {**clean_environment, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "workshop_kit.cli", "audit", images["app"], "--only", "lifecycle"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        made = _wait_for(lambda: [one for one in _entries(tmp_path) if one["kind"] == "container"])
        process.kill()
    client = session.engine.client
    assert _wait_for(lambda: not client.containers.list(all=True, filters={"id": made[0]["id"]}, ignore_removed=True))
    assert _wait_for(lambda: _entries(tmp_path) == [])


def _entries(folder: Path) -> list[dict[str, str]]:
    """The created entries of the ledgers below a folder."""
    lines = [line for path in folder.rglob("ledger.jsonl") for line in path.read_text().splitlines()]
    return [entry for entry in map(json.loads, lines) if "=" not in entry["id"]]


def _wait_for(holds: Callable[[], Any]) -> Any:
    """Poll for a minute until ``holds`` is true; return its last value."""
    deadline = time.monotonic() + 60
    while not (found := holds()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
