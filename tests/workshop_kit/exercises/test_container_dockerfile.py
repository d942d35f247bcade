"""container.dockerfile: each of the likeliest wrong answers gets a finding of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from tests.workshop_kit.exercises.trying import SEED, leaving_nothing, words
from workshop_kit.engine import images
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.session import is_announcement
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises import registry, service_image, service_trial
from workshop_kit.workspace import regions
from workshop_kit.exercises.checks import CHECKS
from workshop_kit.exercises.checks import container_dockerfile as judged_by
from workshop_kit.exercises.exercise_service import Desk, Superseded
from workshop_kit.exercises.check_api import Context, CheckResult
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import Workspace
from workshop_kit.progress import Step

SOLUTIONS = CHECKOUT / "solutions/01_container"
SERVICE = ("app.py", "Dockerfile", ".dockerignore", "requirements.txt")
SOLVED = {name: regions.solved((SOLUTIONS / name).read_text()) for name in SERVICE}
PIP_FIRST = "COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
EXEC_FORM = 'CMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8080"]'
assert PIP_FIRST in SOLVED["Dockerfile"]
assert EXEC_FORM in SOLVED["Dockerfile"]


def dockerfile(old: str, new: str) -> dict[str, str]:
    """The solved Dockerfile with one thing changed."""
    assert old in SOLVED["Dockerfile"]
    return {"Dockerfile": SOLVED["Dockerfile"].replace(old, new)}


FIVE = {
    "code before packages": (
        dockerfile(PIP_FIRST, "COPY . .\nRUN pip install -r requirements.txt\n"),
        "installs all pack",
    ),
    "root": (dockerfile("USER 10001:10001\n", ""), "The service is root"),
    "shell form": (dockerfile(EXEC_FORM, "CMD uvicorn app:app --host 0.0.0.0 --port 8080"), "Process 1 is a shell"),
    "no versions": ({"requirements.txt": "starlette\nuvicorn\n"}, "packages that nobody has tested"),
    "no .env in .dockerignore": ({".dockerignore": ".git\n"}, "can read .env"),
}
"""What an image may lack, and the words that name it."""
MORE = {
    "one version": (
        {"requirements.txt": "starlette==1.10.0\nuvicorn==0.54.0\n"},
        "newer than before: anyio, click, h11",
    ),
    "deleted later": (
        {".dockerignore": ""} | dockerfile("USER", "RUN rm -rf .git .env\nUSER"),
        "the layer below still holds it",
    ),
    "registry": (dockerfile("FROM workshop/python:3.13", "FROM python:3.13"), "build on workshop/python:3.13"),
    "typing error": (dockerfile("RUN pip", "RUNN pip"), "RUNN is no instruction of a Dockerfile"),
    "version that is not there": ({"requirements.txt": "starlette==0.1\nuvicorn\n"}, "ask for that version"),
    "no such file": (dockerfile("COPY requirements.txt", "COPY requirments.txt"), "COPY names requirments.txt"),
    "no such program": (dockerfile('"uvicorn"', '"unicorn"'), '"unicorn": executable file not found'),
    "requirements not copied": (
        dockerfile("COPY requirements.txt .\n", ""),
        "pip finds no requirements.txt in the image",
    ),
    "user before pip": (
        dockerfile("COPY requirements.txt", "USER 10001:10001\nCOPY requirements.txt"),
        "The user of this step may not write",
    ),
    "no FROM": (dockerfile("FROM workshop/python:3.13\n", ""), "No FROM stands before this instruction"),
    "empty Dockerfile": ({"Dockerfile": ""}, "The Dockerfile has no instruction"),
    "no such tool": (dockerfile("RUN pip", "RUN sudo pip"), "The image has no program sudo"),
    "no such user": (dockerfile("USER 10001:10001", "USER app"), "USER names app, and the image has no account"),
    "other module": (dockerfile("app:app", "main:app"), "uvicorn finds no module main"),
    "other name": (dockerfile("app:app", "app:service"), "The module that CMD names has no service"),
    "other port": (dockerfile('"8080"', '"8000"'), "The service listens on http://0.0.0.0:8000"),
    "this machine alone": (dockerfile('"0.0.0.0"', '"127.0.0.1"'), "The service listens on http://127.0.0.1:8080"),
    "single quotes": (dockerfile(EXEC_FORM, EXEC_FORM.replace('"', "'")), "CMD is no JSON list"),
    "code with an error": ({"app.py": SOLVED["app.py"].replace("(request):", "(request)")}, "SyntaxError: expected"),
}


def judge(stack: Stack, folder: Path, changed: Mapping[str, str], heard: list[str] | None = None) -> CheckResult:
    """Run the check on the solved files with these changes."""
    folder.mkdir(exist_ok=True)
    for name, text in {**SOLVED, **changed}.items():
        (folder / name).write_text(text)
    exercise = registry.find(registry.load(CHECKOUT), "container.dockerfile")

    def report(step: Step) -> None:
        if heard is not None:
            heard.append(step.detail)

    return CHECKS[exercise.id].check(Context(exercise, stack, SEED, folder=folder, report=report))


def images_of(stack: Stack) -> set[str]:
    """The images of this workspace, by name; those without one by id."""
    ours = {"label": f"{SESSION}={stack.session.who.session}"}
    found = stack.session.engine.client.api.images(filters=ours)
    return {next(iter(image["RepoTags"] or ()), image["Id"]) for image in found}


def test_root_is_told() -> None:
    """By the user of process 1, whatever the Dockerfile says."""
    assert judged_by._user(10001).passed
    assert FIVE["root"][1] in judged_by._user(0).means


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("/bin/sh -c uvicorn app:app --host 0.0.0.0", None, "Process 1 is a shell, which passes no signal on. It does"),
        ("/bin/sh -c uvicorn app:app; true", 0, "Process 1 is a shell"),
        ("/venv/bin/python3 /venv/bin/uvicorn app:app", None, "It does not hear SIGTERM"),
        ("/venv/bin/python3 mine.py", 143, "exit code 143"),
    ],
)
def test_a_stop_that_fails_is_told(command: str, code: int | None, says: str) -> None:
    """Who process 1 is, and how it ended."""
    assert judged_by._stop("/venv/bin/python3 /venv/bin/uvicorn app:app", 0, 0.4).passed
    finding = judged_by._stop(command, code, 2.0)
    assert not finding.passed
    assert says in finding.means


def files(*rows: tuple[int, str, str, bool]) -> pd.DataFrame:
    """What the layers of an image hold, as `layers.files` tells it."""
    found = [(layer, instruction, path, 10, visible) for layer, instruction, path, visible in rows]
    return pd.DataFrame(found, columns=["layer", "instruction", "path", "size_bytes", "visible"])


PIP = (
    2,
    "RUN pip install -r requirements.txt",
    "venv/lib/python3.13/site-packages/h11-0.16.0.dist-info/METADATA",
    True,
)


def test_packages_that_are_installed_again_are_told() -> None:
    """By the layer that holds them: it is another one after a change of the code."""
    assert judged_by._kept(files(PIP), ["base", "code", "pip"], ("base", "code", "pip")).passed
    finding = judged_by._kept(files(PIP), ["base", "code", "pip"], ("base", "new code", "pip again"))
    assert finding.got == "`RUN pip install -r requirements.txt` ran again and installed 1 packages"
    assert FIVE["code before packages"][1] in finding.means


@pytest.mark.parametrize(
    ("rows", "got", "look"),
    [
        ([(3, "COPY . .", "app/.env", True)], ".env came with `COPY . .`", "never gets to see"),
        ([(3, "COPY . .", "app/.git/config", True)], ".git came with `COPY . .`", "never gets to see"),
        ([(3, "COPY . .", "app/.env", False)], ".env came with `COPY . .`", "the layer below still holds it"),
    ],
)
def test_what_no_image_should_hold_is_told(rows: list[tuple[int, str, str, bool]], got: str, look: str) -> None:
    """With the instruction that brought it, also when a later one deleted it."""
    assert judged_by._leaked(files(PIP, (3, "COPY . .", "app/environment.env", True))).passed
    finding = judged_by._leaked(files(PIP, *rows))
    assert finding.got == got
    assert look in finding.look


def test_versions_that_move_are_told() -> None:
    """By name: those that pip chose anew when newer ones were at hand."""
    assert judged_by._pins({"click": "8.5.1", "h11": "0.16.0"}).passed
    finding = judged_by._pins({"click": "8.5.1.post999", "h11": "0.16.0"})
    assert finding.got == "newer than before: click"
    assert FIVE["no versions"][1] in finding.means


@pytest.mark.parametrize(
    "name",
    [
        "registry",
        "typing error",
        "version that is not there",
        "no such file",
        "requirements not copied",
        "user before pip",
        "no FROM",
        "empty Dockerfile",
        "no such tool",
    ],
)
def test_a_broken_dockerfile_is_told(name: str) -> None:
    """From what the builder said, as recorded: step, line, instruction, its last lines, and what it means."""
    said = (Path(__file__).parent / "recorded" / f"{name.replace(' ', '_')}.txt").read_text()
    finding = service_image.finding(said)
    assert finding.called == CALLED[name]
    assert MORE[name][1] in finding.means
    assert finding.got
    assert len(finding.got.splitlines()) <= service_image.LAST_LINES


CALLED = {
    "registry": "docker build: line 2: FROM python:3.13",
    "typing error": "docker build: line 5: RUNN pip install -r requirements.txt",
    "version that is not there": "docker build: step 3 of 5, line 5: RUN pip install -r requirements.txt",
    "no such file": "docker build: step 2 of 5, line 4: COPY requirments.txt .",
    "requirements not copied": "docker build: step 3 of 4, line 4: RUN pip install -r requirements.txt",
    "user before pip": "docker build: step 4 of 5, line 6: RUN pip install -r requirements.txt",
    "no FROM": "docker build: line 2: WORKDIR /app",
    "empty Dockerfile": "docker build: before the first step",
    "no such tool": "docker build: step 4 of 5, line 5: RUN sudo pip install -r requirements.txt",
}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('ERROR:    Error loading ASGI app. Could not import module "main".', "other module"),
        ('ERROR:    Error loading ASGI app. Attribute "service" not found in module "app".', "other name"),
        ("INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)", "other port"),
        ("INFO:     Uvicorn running on http://127.0.0.1:8080 (Press CTRL+C to quit)", "this machine alone"),
        ("/bin/sh: 1: [uvicorn,: not found", "single quotes"),
    ],
)
def test_a_service_that_takes_no_order_is_told(line: str, name: str) -> None:
    """From the last lines of its log, as recorded; where they say nothing, by what was seen."""
    seen = Finding(False, "Start it, and GET /orders for up to 6 s", "nobody", "200", "it ended.", "Look for it.")
    judged = service_trial.takes_no_order(CheckResult("It did not start: it ended.", (seen,), output=line))
    assert judged.findings[0].called == "Start it, and POST /orders for up to 6 s"
    assert MORE[name][1] in judged.summary
    fine = "INFO:     Uvicorn running on http://0.0.0.0:8080 (Press CTRL+C to quit)"
    assert service_trial.takes_no_order(CheckResult("", (seen,), output=fine)).findings[0].means == "it ended."


def test_an_account_that_is_not_there_is_told() -> None:
    """In the participant's words, not in the engine's."""
    refused = WorkshopError("The engine refused to start a container: unable to find user app: no matching entries.")
    assert MORE["no such user"][1] in service_trial.not_started("Start it", refused, "What?").summary


@pytest.mark.engine
def test_a_dockerfile_with_one_fault_is_told_while_the_check_runs(stack: Stack, tmp_path: Path) -> None:
    """On a real image; the finding is on the screen before the check is over, and nothing stays."""
    heard: list[str] = []
    before = images_of(stack)
    with leaving_nothing(stack):
        judged = judge(stack, tmp_path / "my_service", FIVE["root"][0], heard)
    assert [finding.passed for finding in judged.findings] == [False, True, True, True, True]
    assert FIVE["root"][1] in judged.summary
    assert f"✗ {judged.summary}" in heard
    newer = f"{images.tags(stack.root)['python']}-newer-{stack.session.who.session}"
    assert images_of(stack) - before <= {newer}


@pytest.mark.engine
def test_a_newer_check_ends_the_running_one(stack: Stack, tmp_path: Path) -> None:
    """The older one ends without a result in the middle of its build, and leaves nothing."""
    desk = Desk.of(Workspace.open(tmp_path / "mine"), lambda: stack)
    path = desk.workspace.my_service / "Dockerfile"
    path.write_text("FROM workshop/python:3.13\nRUN sleep 50\n")
    building = threading.Event()
    with leaving_nothing(stack), ThreadPoolExecutor(1) as pool:
        older = pool.submit(desk.check, "container.dockerfile", lambda _: building.set())
        assert building.wait(20)
        checkpoint.solve(desk, "container.dockerfile")
        began = time.monotonic()
        assert desk.check("container.dockerfile").passed
        with pytest.raises(Superseded):
            older.result()
        assert time.monotonic() - began < 40
    assert [one for one in stack.session.ledger.entries() if is_announcement(one)] == []


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.parametrize("name", [*FIVE, *MORE])
def test_each_wrong_answer_is_told(stack: Stack, tmp_path: Path, name: str) -> None:
    """All of them, built."""
    changed, says = {**FIVE, **MORE}[name]
    judged = judge(stack, tmp_path / "my_service", changed)
    assert judged.verdict in {Verdict.WRONG, Verdict.DID_NOT_START}
    assert says in words(judged)
