"""What the kit replaces in a workspace is kept: in the git history of ``my_service/``, or else in ``kept/``."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from workshop_kit.files import explain
from workshop_kit.names import in_words
from workshop_kit.workspace import repository
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import ELSEWHERE, Workspace
from workshop_kit.workspace.repository import Commit


@dataclass
class Backup:
    """Where the files are that a change of the kit replaces.

    ``commit`` has ``my_service/`` as it was, and ``commands`` show what is kept there. All else is copied to
    ``folder``, a new one in ``kept/``; it is None while nothing was copied.
    """

    workspace: Workspace
    commit: Commit = field(default_factory=Commit)
    folder: Path | None = None
    commands: list[str] = field(default_factory=list)

    def keep(self, name: str) -> str:
        """Keep the file ``name`` of the workspace as it is, and return where it is: a git command, or the copy's path.

        Raises NotReady when that fails, for a full disk say.
        """
        own_name = name.removeprefix(f"{MY_SERVICE}/")
        is_own = own_name != name
        if is_own and repository.has(self.workspace, self.commit.id, own_name):
            command = f"git show {self.commit.id}:{own_name}"
            self.commands.append(command)
            return f"`{command}` in {MY_SERVICE}/"
        return self._copy(name)

    def sentences(self) -> list[str]:
        """Return where the kept files are, and what was not committed, a sentence each."""
        places = []
        if self.commands:
            places.append(f"the history of {MY_SERVICE}/ (`{self.commands[0]}`)")
        if self.folder is not None:
            places.append(self.folder.relative_to(self.workspace.folder.parent).as_posix())

        lines = [f"What you had is in {in_words(places)}."] if places else []
        return [*lines, self.commit.note] if self.commit.note else lines

    def _copy(self, name: str) -> str:
        """Copy a file to ``kept/``, and return the path of the copy in the workspace. Raises NotReady."""
        if self.folder is None:
            self.folder = self.workspace.folder / "kept" / now()

        copy = self.folder / name
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.workspace.folder / name, copy)
        except OSError as error:
            with contextlib.suppress(OSError):
                copy.unlink()  # half a copy would look like the whole file
            raise explain(error, self.workspace.folder, ELSEWHERE) from error

        return copy.relative_to(self.workspace.folder).as_posix()


@contextlib.contextmanager
def recorded(workspace: Workspace, change: str) -> Iterator[Backup]:
    """Commit ``my_service/`` before and after a change of the kit, such as ``reset orders.recent``.

    The block makes the change. Yields what keeps the files that it replaces.
    """
    yield Backup(workspace, repository.commit(workspace, f"before {change}"))
    repository.commit(workspace, change)


def now() -> str:
    """Return the time as names of files have it: ``2026-12-02_093000_000000``."""
    return datetime.now().astimezone().strftime("%Y-%m-%d_%H%M%S_%f")
