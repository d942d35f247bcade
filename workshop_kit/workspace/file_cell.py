"""The cell magic ``%%file my_service/app.py``: write a file of the participant, but never over their changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from IPython.core.getipython import get_ipython

from workshop_kit.errors import WrongUsage
from workshop_kit.workspace import content
from workshop_kit.workspace.course import MY_SERVICE, notebook_cells
from workshop_kit.workspace.folder import HIDDEN, WRITTEN, Workspace

MAGIC = "file"
FIRST_LINE = re.compile(rf"%%{MAGIC} +(\S+)[ \t]*\n")


def register(workspace: Workspace) -> None:
    """Make ``%%file`` a magic of this kernel; it replaces IPython's alias of ``%%writefile``."""
    shell: Any = get_ipython()
    if shell is not None:

        def file(line: str, body: str) -> None:
            print(write(workspace, line.strip(), body))  # noqa: T201 - it is the cell's output

        shell.register_magic_function(file, "cell", MAGIC)


def write(workspace: Workspace, name: str, body: str) -> str:
    """Write ``body`` to the file ``name`` (``my_service/app.py``), unless that would undo a change; return a sentence.

    The file stays when it was changed since and the cell was not. The first run of a later lesson's cell writes anyway:
    that lesson has another file in this place. Replaced text goes to ``kept/``.
    Raises WrongUsage for a name outside of the folder, NotReady where it cannot be written.
    """
    path = PurePosixPath(name)
    if path.parts[:1] != (MY_SERVICE,) or len(path.parts) < 2 or ".." in path.parts:
        example = f"%%{MAGIC} {MY_SERVICE}/app.py"
        raise WrongUsage(
            f"A file cell writes below {MY_SERVICE}/, not {name or 'nowhere'}.", f"Begin it with {example}."
        )
    body = body.rstrip("\n") + "\n"
    written = f"{HIDDEN}/{WRITTEN}/{path}"
    current, before = _text(workspace, name), _text(workspace, written)
    shipped: dict[str | None, str] = {}  # the text of each cell for this file, and the lesson in which it is first
    for lesson, text in shipped_cells(workspace.base / "notebooks", name):
        shipped.setdefault(text, lesson[:2])
    if current == body:
        content.write(workspace, written, body)
        return f"{name} holds these lines."
    from_cells = {*shipped, before}
    is_new = shipped.get(body, "01") > shipped.get(before, "01")
    if current is not None and current not in from_cells and body in from_cells and not is_new:
        return f"{name} stays as it is: it was changed, and this cell was not. Edit the cell to replace the file."
    backup = content.Backup(workspace)
    if current is not None and current not in shipped:
        backup.keep(name)
    content.write(workspace, name, body)
    content.write(workspace, written, body)
    if backup.folder is None:
        return f"{name} is written."
    return f"{name} is written. Your file as it was: {backup.folder.relative_to(workspace.folder)}/{name}"


def shipped_cells(notebooks: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield the lesson and the text of each file cell for ``name`` in a folder of notebooks."""
    for notebook in sorted(notebooks.glob("*.ipynb")):
        for cell in notebook_cells(notebook):
            if file_named(cell["source"]) == name:
                yield notebook.stem, body_of(cell["source"])


def file_named(source: str) -> str | None:
    """Return the file that a cell writes; None for any other cell.

    >>> file_named("%%file my_service/app.py\\nprint('hello')")
    'my_service/app.py'
    """
    found = FIRST_LINE.match(source)
    return found[1] if found else None


def body_of(source: str) -> str:
    """Return the text that a file cell writes: all lines but the first, with a line end."""
    return source.partition("\n")[2].rstrip("\n") + "\n"


def _text(workspace: Workspace, name: str) -> str | None:
    """Return the text of a file, None without one. Bytes that are no text count as a change."""
    found = content.current(workspace, name)
    return None if found is None else found.decode(errors="replace").replace("\r\n", "\n")
