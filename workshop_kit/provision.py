"""Make the machine and the stack ready for a workspace, step by step, and clear what a workspace has left there.

A step that is already done is skipped.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from workshop_kit.engine import cleanup, containers, images, install, reach, reaper, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.labels import Identity, Scope
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session, everyone, is_dead
from workshop_kit.engine.stack import Stack, write_secrets, write_variables
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.faults import injection
from workshop_kit.host import GIB
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.workspace.folder import BASE, EDITED, HIDDEN, Workspace

REVERT_FAULTS = "workshop_kit.faults.injection:revert_all"
"""The function that a reaper calls first: it reverts the faults of a dead process while its proxies still run."""


def session_of(workspace: Workspace, engine: Engine) -> Session:
    """Return the session that makes and removes this workspace's objects in the engine."""
    return Session(engine, Identity(workspace.id), workspace.folder.absolute() / HIDDEN)


def stack_of(workspace: Workspace, session: Session, root: Path = CHECKOUT) -> Stack:
    """Return the stack of this workspace, whether it runs or not."""
    return Stack(session, root, workspace.secrets_folder.parent, workspace.compose_project)


def connected_stack(workspace: Workspace) -> Stack:
    """Return the workspace's stack on the engine that answers. Raises NotReady if none does.

    What this command made for itself is removed when it ends; if it is killed, the reaper does that.
    """
    session = session_of(workspace, reach.connect())
    reaper.watch(session, REVERT_FAULTS)
    atexit.register(reaper.finish, session)
    return stack_of(workspace, session)


def make_ready(workspace: Workspace, root: Path = CHECKOUT, *, may_install: bool, report: Report = silent) -> Stack:
    """Provide engine, tools, images and the stack's files, and run a container as a proof that they work.

    Return the stack, which is not started. Raises NotReady with the next step for the user.
    """
    report(Step(install.TASK, detail="looking for it and its tools"))
    engine = install.ensure(install=may_install, report=report)
    install.ensure_tools(install=may_install, report=report)
    report(Step(install.TASK, 1.0, engine.name, done=True))
    _require_space(engine, root)

    session = session_of(workspace, engine)
    recipes.open_files(root)
    tags = images.ensure(session, root, install=may_install, report=report)
    stack = stack_of(workspace, session, root)
    write_secrets(stack.secrets_folder)
    report(Step("Container", detail="running one as a proof"))
    prove(session, tags["base"])
    report(Step("Container", 1.0, done=True))
    return stack


@contextlib.contextmanager
def fresh_workspace(folder: Path) -> Iterator[Workspace]:
    """Yield the workspace in ``folder`` with fresh copies of the checkout's lessons; its id stays.

    It is locked until the block ends. Raises WorkshopError while another process has the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(lock_path(folder)).acquire(timeout=0)
    except Timeout as error:
        sentence = f"Another process is running the lessons in {folder}."
        raise WorkshopError(sentence, "Wait until it has ended, then try again.") from error

    with lock:
        for name in (*EDITED, f"{HIDDEN}/{BASE}"):
            shutil.rmtree(folder / name, ignore_errors=True)
        Workspace.open(folder).progress_path.unlink(missing_ok=True)
        yield Workspace.open(folder)


def write_env(stack: Stack, report: Report = silent) -> None:
    """Write ``.env`` beside compose.yaml, so that plain ``docker compose up`` finds its variables."""
    path = stack.root / ".env"
    if not write_variables(path, stack.variables()):
        report(Step("Stack", None, f"{path.name} was not made by the kit and stays: `docker compose` will use it"))


def prove(session: Session, image: str) -> None:
    """Run a container that prints a word, and wait for it in the log. Raises WorkshopError if it does not come."""
    word = "ready"
    program = f"import time; print({word!r}, flush=True); time.sleep(600)"
    spec = Spec(image=image, command=("python3", "-I", "-S", "-c", program), network="none")
    with containers.run(session, spec) as running:
        running.wait_line(word, within_seconds=30, goal="print a word")


def sweep(session: Session, report: Report = silent) -> cleanup.CleanupResult:
    """Revert the faults of dead kernels and of this one, and remove what dead kernels made for themselves."""
    injection.revert_all(session, session.made_or_dead, report)
    return cleanup.remove(session, {"kernel"}, is_chosen=is_dead)


def lock_path(folder: Path) -> Path:
    """Return the lock of the workspace in ``folder`` that `fresh_workspace` holds."""
    return folder.parent / f".{folder.name}.lock"


def remove_tours(
    folder: Path, engine: Engine, scopes: Collection[Scope], outcome: cleanup.CleanupResult, report: Report = silent
) -> None:
    """Remove the objects that killed tours below ``folder`` left, and add them to ``outcome``.

    A tour that is running has its workspace's lock, and is left alone.
    """
    for tour in (folder / "workspace", folder / "demo" / "workspace"):
        workspace = Workspace.existing(tour)
        if workspace is None:
            continue

        with contextlib.suppress(Timeout), FileLock(lock_path(tour), timeout=0):
            tour_outcome = remove_everything(session_of(workspace, engine), scopes, report)
            outcome.removed += tour_outcome.removed
            outcome.left += tour_outcome.left


def remove_everything(session: Session, scopes: Collection[Scope], report: Report = silent) -> cleanup.CleanupResult:
    """Revert all active faults, then remove all objects that this workspace made in these scopes."""
    injection.revert_all(session, everyone, report)
    return cleanup.remove(session, scopes, report)


def _require_space(engine: Engine, root: Path) -> None:
    """Raise NotReady if images are missing and the engine's disk is nearly full."""
    free_bytes = images.free_bytes(engine)
    if free_bytes is not None and free_bytes < images.ENOUGH_DISK_BYTES and images.missing(engine, root):
        raise NotReady(
            f"The disk is nearly full: {free_bytes / GIB:.1f} GiB free for images, and set-up needs about 4.",
            "Free some space (docker system df shows what takes it), then run ./workshop setup again.",
        )
