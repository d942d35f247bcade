"""The folder that participants take home runs without the kit, by the commands of its README."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.commands import run
from tests.conftest import code_blocks
from tests.private_engine import PrivateEngine, filled, private_engine
from tests.workshop_kit.exercises.conftest import no_engine
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import ALIASES
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.lessons import take_home
from workshop_kit.lessons.lesson import Lesson
from workshop_kit.paths import CHECKOUT
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder at the end of lesson 06, in an empty place; the workspace that it comes from is gone."""
    workspace = Workspace.open(tmp_path / "workspace")
    workspace.service_folder()
    checkpoint.arrange(ExerciseService.of(workspace, no_engine), "06_audit")
    shutil.copy(CHECKOUT / "solutions" / "06_audit" / "README.md", workspace.my_service)  # as w.take_home does
    assert all((workspace.folder / name).is_file() for name in LINKED)
    shutil.move(workspace.my_service, tmp_path / "at home" / "my_service")
    shutil.rmtree(workspace.folder)
    return tmp_path / "at home" / "my_service"


def typed(own: PrivateEngine, folder: Path, commands: str) -> str:
    """Run the commands in the folder with the docker command alone, and return their output."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder.parent), "DOCKER_HOST": own.address}
    said = subprocess.run(
        own.inside("sh", "-e", "-c", commands), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_folder_runs_without_the_kit(folder: Path, engine: Engine, images: dict[str, str]) -> None:
    """Brought up, it takes an order, is well, and is measured; taken down, it leaves nothing.

    While the disk is full, orders are refused with 503; afterwards no restart is needed.
    """
    up, use = code_blocks(folder / "README.md", "sh")
    (down,) = re.findall(r"^docker compose down.*$", use, re.MULTILINE)
    with private_engine() as own:
        own.load(engine, [images[name] for name in ALIASES])
        client = own.client()
        for name, alias in ALIASES.items():
            client.images.get(images[name]).tag(alias)
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
def test_the_file_for_official_images_fits_compose_yaml(folder: Path) -> None:
    """Compose reads both together, and the Dockerfile takes another base."""
    (override,) = code_blocks(folder / "README.md", "yaml")
    (folder / "compose.override.yaml").write_text(override)
    command = ["docker", "compose", "config", "--format", "json"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    services = json.loads(said.stdout)["services"]
    assert services["my-service"]["build"]["args"] == {"BASE": "python:3.13-slim"}
    assert services["my-service"]["environment"]["REDIS_USER"] == "default"
    assert "ARG BASE=" in (folder / "Dockerfile").read_text()
    for name in ("database", "redis"):
        assert not services[name]["image"].startswith("workshop/")
        assert services[name]["healthcheck"]["test"]  # my-service waits until they are healthy


def test_lesson_06_brings_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the take-home page; one that the participant has changed since stays as it is."""
    monkeypatch.setattr(take_home, "write", lambda *_: None)
    exercise_service = ExerciseService.of(Workspace.open(tmp_path / "workspace"), no_engine)
    lesson: Any = Lesson("06_audit", exercise_service.workspace, exercise_service.progress, None, exercise_service)  # type: ignore[arg-type]
    readme = exercise_service.workspace.my_service / "README.md"
    assert not readme.exists()
    lesson.take_home(SimpleNamespace(report=None))
    assert readme.read_text().startswith("# my_service")
    readme.write_text("mine")
    lesson.take_home(SimpleNamespace(report=None))
    assert readme.read_text() == "mine"
