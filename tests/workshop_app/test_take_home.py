"""The folder that participants take home runs without the kit, by the commands of its README."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from container_audit import catalog
from container_audit.runner import run_audit
from tests.commands import run
from tests.conftest import code_blocks
from tests.private_engine import PrivateEngine, filled, private_engine
from tests.workshop_kit.exercises.conftest import no_engine
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.reaper import temporary_session
from workshop_kit.engine.recipes import VARIABLES
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.lessons.project import Project
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import file_cell, steps
from workshop_kit.workspace.course import notebook_cells
from workshop_kit.workspace.folder import LINKED, Workspace

ASK = """
import http.client, sys, time
address, method, path, status = sys.argv[1:]
body, started = '{"item": "tea", "quantity": 2}' if method == "POST" else None, time.monotonic()
while time.monotonic() - started < 120:
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        if answer.status == int(status):
            print(time.monotonic() - started, answer.read().decode())
            break
    except OSError:
        time.sleep(0.05)  # it runs, and does not listen yet
"""
"""Asks until the answer has a status; prints the seconds that it took, and the body."""
RECOVERS_SECONDS = 10
LESSON = "06_audit"
OFFICIAL = {"python": "python:3.13-slim", "mariadb": "mariadb:11.8", "redis": "redis:8"}
"""The images that its files name."""


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """A workspace at the end of lesson 06."""
    workspace = Workspace.open(tmp_path / "workspace")
    workspace.service_folder()
    checkpoint.arrange(ExerciseService.of(workspace, no_engine), LESSON)
    for cell in notebook_cells(CHECKOUT / "notebooks" / f"{LESSON}.ipynb"):
        if steps.file_cell(cell["source"]):
            line, _, body = cell["source"].partition("\n")
            file_cell.write(workspace, LESSON, line.removeprefix("%%file"), body)
    Project(workspace, CHECKOUT).make()
    return workspace


@pytest.fixture
def folder(project: Workspace, tmp_path: Path) -> Path:
    """The folder that it leaves, in an empty place; the workspace that it comes from is gone."""
    assert all((project.folder / name).is_file() for name in LINKED)
    shutil.move(project.my_service, tmp_path / "at home" / "my_service")
    shutil.rmtree(project.folder)
    return tmp_path / "at home" / "my_service"


def typed(own: PrivateEngine, folder: Path, commands: str) -> str:
    """Run the commands in the folder with the docker command alone, and return their output."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder.parent), "DOCKER_HOST": own.address}
    process = subprocess.run(
        own.inside("sh", "-e", "-c", commands), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_folder_runs_without_the_kit(folder: Path, engine: Engine, images: dict[str, str]) -> None:
    """Brought up, it takes an order, is well, and is measured; taken down, it leaves nothing.

    As a clone of its repository has it, with our images under the official names. While the disk is full, orders are
    refused with 503; afterwards no restart is needed.
    """
    (folder / ".env").unlink()
    shutil.rmtree(folder / "secrets")
    up, use = code_blocks(folder / "README.md", "sh")
    (down,) = re.findall(r"^docker compose down.*$", use, re.MULTILINE)
    with private_engine() as own:
        own.load(engine, [images[name] for name in OFFICIAL])
        client = own.client()
        for name, official in OFFICIAL.items():
            client.images.get(images[name]).tag(official)
        address = typed(own, folder, up).split()[-1]

        def ask(method: str, path: str, status: int = 200) -> tuple[float, str]:
            command = own.inside(sys.executable, "-I", "-S", "-c", ASK, address, method, path, str(status))
            seconds, _, body = run(*command).partition(" ")
            return float(seconds), body

        ask("POST", "/orders", 201)
        assert '"item": "tea"' in ask("GET", "/orders/1")[1]
        assert ask("GET", "/health")[1].startswith('{"status":"pass"')
        assert 'http_requests_total{method="POST",route="/orders",status="201"} 1.0' in ask("GET", "/metrics")[1]
        with filled(own.folder / "data"):
            ask("POST", "/orders", 503)
        assert ask("POST", "/orders", 201)[0] < RECOVERS_SECONDS
        typed(own, folder, down)
        assert client.containers.list(all=True) == client.volumes.list() == []


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_project_passes_its_own_audit(project: Workspace, engine: Engine, images: dict[str, str]) -> None:
    """Built and started by its own files: no rule fails but what its audit.toml accepts, and each entry is needed."""
    assert set(OFFICIAL) <= set(images)
    name = f"take-home-{secrets.token_hex(4)}"
    environment = {**os.environ, **VARIABLES, "COMPOSE_PROJECT_NAME": name, "VERSION": secrets.token_hex(6)}
    compose = ["docker", "compose"]
    (project.my_service / ".env").unlink()
    up = [*compose, "up", "--build", "--detach", "--wait"]
    down = [*compose, "down", "--volumes", "--timeout", "5"]
    try:
        subprocess.run(up, cwd=project.my_service, env=environment, capture_output=True, text=True, check=True)
        with temporary_session(engine) as session:
            report = run_audit(session, f"compose:{name}")
    finally:
        subprocess.run(down, cwd=project.my_service, env=environment, capture_output=True, check=True)
        engine.client.images.remove(f"{name}-my-service:{environment['VERSION']}")
    accepted = catalog.load_ignored(project.my_service / "audit.toml")
    report = catalog.apply_ignored(report, accepted)
    assert {target.target for target in report.targets} == {"database", "my-service", "redis"}
    assert [(finding.rule.id, finding.sentence) for finding in report.failing()] == []
    used = {(target.target, finding.rule.id) for target in report.targets for finding in target.accepted}
    assert used == {(entry.target, entry.rule) for entry in accepted}


def git(folder: Path, *words: str) -> str:
    """Run git without a user's own settings."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "GIT_CONFIG_NOSYSTEM": "1"}
    process = subprocess.run(["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return process.stdout


def test_a_commit_of_the_folder_has_no_secret(folder: Path) -> None:
    """`git add --all` stages what a repository needs, and neither the password nor the name of this project."""
    password = (folder / "secrets" / "password").read_text().strip()
    assert password
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    staged = git(folder, "ls-files").splitlines()
    assert {".gitignore", ".github/workflows/my-service.yml", "README.md", "compose.yaml", "main.py"} <= set(staged)
    assert ".env" not in staged
    assert [name for name in staged if name.startswith("secrets/")] == []
    assert [name for name in staged if password in (folder / name).read_text()] == []


def test_a_project_has_nothing_of_the_exercises(project: Workspace) -> None:
    """No file that starts what is gone; a second call brings nothing."""
    names = {path.name for path in project.my_service.iterdir()}
    assert not names & {"start.sh", "restoring.py"}
    assert Project(project, CHECKOUT).make() == []


def test_requirements_have_hashes(project: Workspace) -> None:
    """Each package; pytest has a list of its own."""
    lines = (project.my_service / "requirements.txt").read_text()
    for text in (lines, (project.my_service / "requirements-test.txt").read_text()):
        packages = re.findall(r"^[\w.-]+==[^\n]+\\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(packages) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE))
    assert "pytest==" in text


@pytest.mark.parametrize("text", ["starlette==0.1\n", "starlette @ https://example.com/starlette.whl\n"])
def test_what_participants_changed_or_deleted_stays(project: Workspace, text: str) -> None:
    """Also requirements in a version that the lock does not have, which cannot be hashed here."""
    requirements = project.my_service / "requirements.txt"
    requirements.write_text(text)
    readme = project.my_service / "README.md"
    readme.write_text("mine")
    ignored = project.my_service / ".gitignore"
    ignored.unlink()
    Project(project, CHECKOUT).make()
    assert requirements.read_text() == text
    assert readme.read_text() == "mine"
    assert not ignored.exists()


def test_its_tests_run_in_it(folder: Path) -> None:
    """By the command of the README, with the versions that it names."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--quiet"]
    process = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "2 passed" in process.stdout
