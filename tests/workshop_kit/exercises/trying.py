"""What the tests of trials share: the sources, a check run by hand, and what it has left behind."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.workspace import provision
from workshop_kit.workspace import content
from workshop_kit.exercises import registry
from workshop_kit.workspace import regions, service_files
from workshop_kit.exercises.checks import CHECKS
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.exercises.exercise_service import Desk
from workshop_kit.exercises.check_api import Context, CheckResult
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import Workspace

SEED = 7


@contextmanager
def a_participant(folder: Path) -> Iterator[Stack]:
    """A workspace with its own client of the engine and its own stack, up; all of it is removed at the end."""
    workspace = Workspace.open(folder)
    session = provision.session_of(workspace, reach.connect())
    stack = provision.stack_of(workspace, session)
    try:
        stack.up()
        yield stack
    finally:
        assert not cleanup.remove(session, {"kernel", "workspace"}).left


def marked(root: Path, name: str, lesson: str = "01_container") -> str:
    """A source of a lesson."""
    return (root / "solutions" / lesson / name).read_text()


def arrive(desk: Desk, lesson: str) -> None:
    """Bring ``my_service/`` where it is in the middle of a lesson: the cells have written its files."""
    for path in desk.workspace.my_service.iterdir():
        path.unlink()
    for name, text in service_files.files_during(desk.root, lesson).items():
        content.replace_file(desk.workspace, f"{MY_SERVICE}/{name}", text)


def judge(stack: Stack, identifier: str, text: str, seed: int = SEED) -> CheckResult:
    """Run the check of an exercise on a text, beside which all else is solved."""
    exercise = registry.find(registry.load(CHECKOUT), identifier)
    files = {exercise.file or "": text}
    if exercise.judges != "service":
        return CHECKS[identifier].check(Context(exercise, stack, seed, files))
    with solved_folder(files) as folder:
        return CHECKS[identifier].check(Context(exercise, stack, seed, folder=folder))


@contextmanager
def solved_folder(files: Mapping[str, str], root: Path = CHECKOUT) -> Iterator[Path]:
    """A ``my_service/`` in which all exercises of ``root`` are solved, but for these files (text by name)."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / MY_SERVICE
        folder.mkdir()
        for name, text in {**service_files.files_at(root, "99"), **files}.items():
            (folder / name).write_text(text)
        yield folder


def judge_region(stack: Stack, identifier: str, body: str) -> CheckResult:
    """Run the check of an exercise on its solved file, with a participant's lines in the region."""
    exercise = registry.find(registry.load(CHECKOUT), identifier)
    solved = regions.solved(marked(CHECKOUT, exercise.file or "", exercise.lesson))
    return judge(stack, identifier, regions.replace(solved, identifier, body))


def words(judged: CheckResult) -> str:
    """Everything that a person is told."""
    shown = (word for finding in judged.findings for word in (finding.got, finding.means, finding.look))
    return "\n".join((judged.summary, *shown, judged.output))


@contextmanager
def leaving_nothing(stack: Stack) -> Iterator[None]:
    """Whatever this session makes inside is gone afterwards: containers, their volumes, lines in the ledger.

    The engine's events are heard as they come: it remembers the last few only.
    """
    client = stack.session.engine.client
    stream, heard = client.events(decode=True), []
    listener = threading.Thread(target=lambda: heard.extend(stream), daemon=True)
    listener.start()
    yield
    time.sleep(0.2)
    stream.close()
    listener.join(5)
    actors = [(event["Type"], event["Action"], event["Actor"]["ID"], event["Actor"]["Attributes"]) for event in heard]
    made = {
        identifier
        for kind, action, identifier, labels in actors
        if (kind, action) == ("container", "create") and labels.get(SESSION) == stack.session.who.session
    }
    mounts = [(identifier, labels["container"]) for kind, action, identifier, labels in actors if action == "mount"]
    volumes = {name for name, container in mounts if container in made}
    assert made, "nothing was run"
    assert [name for name in volumes if _is_there(client.volumes, name)] == []
    assert [identifier for identifier in made if _is_there(client.containers, identifier)] == []
    assert not made & {entry.id for entry in stack.session.ledger.entries()}


def _is_there(collection: Any, identifier: str) -> bool:
    try:
        collection.get(identifier)
    except NotFound:
        return False
    return True
