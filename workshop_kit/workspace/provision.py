"""Make this machine ready, step by step; every step looks first, so that a second run does next to nothing."""

from __future__ import annotations

from workshop_kit.paths import CHECKOUT

import contextlib
import fcntl
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from workshop_kit import doctor
from workshop_kit.engine import cleanup, containers, debian, images, install, stack_files
from workshop_kit.engine.labels import Identity, Scope
from workshop_kit.engine.ledger import Ledger
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.faults import injection
from workshop_kit.progress import Report, Step, silent
from workshop_kit.workspace.folder import BASE, EDITED, HIDDEN, WRITTEN, Workspace


def session_of(workspace: Workspace, engine: Engine) -> Session:
    """The handle with which this workspace makes and removes things."""
    return Session(engine, Identity(workspace.id, workspace.owner), Ledger(workspace.ledger_path))


def stack_of(workspace: Workspace, session: Session, root: Path = CHECKOUT) -> Stack:
    """The stack of this workspace, up or not."""
    return Stack(session, root, workspace.secrets_folder.parent, workspace.compose_project)


def make_ready(workspace: Workspace, root: Path = CHECKOUT, *, may_install: bool, report: Report = silent) -> Stack:
    """An engine, its tools, the images, the stack's files, and a container that proves that all of it works.

    What an earlier kernel of this workspace left behind is swept on the way. Raises NotReady with what to do.
    """
    engine = install.ensure(install=may_install, report=report)
    install.ensure_tools(install=may_install, report=report)
    _require_space(engine, root)
    session = session_of(workspace, engine)
    tags = images.ensure(session, root, install=may_install, report=report)
    stack = stack_of(workspace, session, root)
    stack.prepare()
    prove(session, tags["base"])
    return stack


@contextlib.contextmanager
def fresh_workspace(folder: Path) -> Iterator[Workspace]:
    """A workspace with the checkout's lessons as they are now; its id and ledger stay, so nothing made gets lost.

    It is one process's at a time, until the block ends. Raises WorkshopError while it is another's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            sentence = f"Somebody else is running the lessons in {folder}."
            raise WorkshopError(sentence, "Wait until that has ended, then try again.") from taken
        for name in (*EDITED, f"{HIDDEN}/{BASE}", f"{HIDDEN}/{WRITTEN}"):
            shutil.rmtree(folder / name, ignore_errors=True)
        Workspace.open(folder).progress_path.unlink(missing_ok=True)
        yield Workspace.open(folder)


def write_env(stack: Stack, report: Report = silent) -> None:
    """Write ``.env`` beside compose.yaml, so that plain ``docker compose up`` finds its variables."""
    path = stack.root / ".env"
    if not stack_files.write_variables(path, stack.variables()):
        report(Step("Stack", None, f"{path.name} is not ours and stays as it is: docker compose by hand will use it"))


def prove(session: Session, image: str) -> None:
    """Run a real container and hear from it. Raises NotReady if it does not say what it was told to say."""
    word = "ready"
    spec = Spec(image=image, command=("python3", "-I", "-S", "-c", f"print({word!r})"), network="none")
    with containers.run(session, spec) as running:
        running.container.wait(timeout=30)
        said = running.log_tail()
    if said != word:
        raise NotReady("A container ran but did not say what it was told to.", "Run ./workshop doctor.", output=said)


def remove_root_file_system(session: Session) -> None:
    """Take away the root file system that an interrupted build may have left; the rest is in the ledger."""
    for image in session.engine.client.images.list(name=debian.BOOTSTRAPPED):
        session.engine.client.images.remove(image.tags[0], noprune=False)


def sweep(session: Session, report: Report = silent) -> cleanup.Outcome:
    """Undo the faults of notebooks that died, and remove what they made for themselves and did not live to remove."""
    injection.undo_all(session, report=report)
    return cleanup.remove(session, {"kernel"}, report, spare_the_living=True)


def remove_everything(session: Session, scopes: Collection[Scope], report: Report = silent) -> cleanup.Outcome:
    """Undo every fault that is in force, then remove all that this workspace made in these scopes."""
    injection.undo_all(session, spare_the_living=False, report=report)
    return cleanup.remove(session, scopes, report)


def take_engine_back(session: Session, report: Report = silent) -> list[str]:
    """Remove an engine that we installed; return its packages. Raises WorkshopError while others use it."""
    client = session.engine.client
    others = [f"container {container.name}" for container in client.containers.list(all=True, ignore_removed=True)]
    others += [f"volume {volume.name}" for volume in client.volumes.list()]
    others += [f"image {image.tags[0]}" for image in client.images.list() if image.tags]
    if others:
        raise WorkshopError(
            f"The engine stays: it holds {len(others)} things of others ({', '.join(others[:3])} …).",
            "Remove them, then run ./workshop down --engine again.",
        )
    return install.take_back(report)


def _require_space(engine: Engine, root: Path) -> None:
    free = images.free_bytes(engine)
    if free is not None and free < doctor.ENOUGH_DISK_BYTES and images.missing(engine, root):
        raise NotReady(
            f"The disk is nearly full: {free / doctor.GIB:.1f} GiB free for images, and set-up needs about 4.",
            "Free some space (docker system df shows what takes it), then run ./workshop setup again.",
        )
