"""Errors in a lesson's cells as sentences: what a participant can cause is never a traceback.

A ``WorkshopError`` speaks for itself. The others that a cell meets without anybody's bug are told here: an engine
that went away or refuses, a full disk, and a name that a cell further up would have made.
"""

from __future__ import annotations

import ast
import errno
import json
import linecache
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from docker.errors import APIError, BuildError, DockerException, NotFound
from requests.exceptions import RequestException

from workshop_kit.engine import reach
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.workspace.files import explain

TOLD = (NameError, DockerException, RequestException, OSError, httpx.ConnectError)
"""The kinds of errors that are looked at; RequestException and OSError include broken connections."""
ANSWER_SECONDS = 5.0
SESSION = "JPY_SESSION_NAME"
"""Where Jupyter's server tells a kernel the path of its notebook."""


def load_ipython_extension(shell: Any) -> None:
    """Begin: our kernel loads this module as an extension of IPython.

    From then on a cell ends in a sentence where there is one for its error.
    """
    session = os.environ.get(SESSION)
    notebook = Path(session) if session else None

    def show(shell: Any, kind: type[BaseException], error: BaseException, trace: Any, tb_offset: Any = None) -> None:
        told = sentence_for(error, notebook)
        if told is None:
            lines = shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=tb_offset)
            shell._showtraceback(kind, error, lines)
        else:
            shell._showtraceback(type(told), told, told._render_traceback_())

    shell.set_custom_exc(TOLD, show)


def sentence_for(error: BaseException, notebook: Path | None) -> WorkshopError | None:
    """The sentence for an error that a cell ended with; None where a traceback says more.

    ``notebook`` is the participant's copy: it tells which cell makes a name that is missing.
    """
    if isinstance(error, NameError):
        return _missing_name(error, notebook) if notebook else None
    if isinstance(error, BuildError):
        return _failed_build(error)
    if isinstance(error, (DockerException, RequestException)):
        return _engine_trouble(error)
    if isinstance(error, httpx.ConnectError):
        what = f"Nothing answers at {error.request.url}."
        return WorkshopError(what, "Run the cell that starts the service, then the cells from there.")
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return explain(error, Path.cwd())
    return None


def _missing_name(error: NameError, notebook: Path) -> WorkshopError | None:
    cell = _failed_cell(error.__traceback__)
    if cell is None or (maker := _maker_of(error.name, cell_sources(notebook), cell)) is None:
        return None
    number, source = maker
    where = "the set-up cell, the first one" if number == 0 else f"the cell that begins with `{_beginning(source)}`"
    return WorkshopError(
        f"There is no `{error.name}` yet: it is made by {where}.", "Run that cell first, then this one."
    )


def _maker_of(name: str | None, cells: Sequence[str], failed: str) -> tuple[int, str] | None:
    """The cell that makes a name: the last one above the cell that failed, else the first."""
    makers = [(number, source) for number, source in enumerate(cells) if name in set(names_made(source))]
    here = cells.index(failed) if failed in cells else len(cells)
    above = [maker for maker in makers if maker[0] < here]
    return above[-1] if above else makers[0] if makers else None


def _failed_build(error: BuildError) -> WorkshopError:
    """The reason where the client's notes have one, else the builder's; the builder's last lines stand below."""
    notes: list[str] = getattr(error, "__notes__", [])
    lines, reason, *_ = [*notes, "", ""]
    what = reason or f"The build failed: {_sentence(error.msg)}"
    return WorkshopError(what, "Change the file, then build again.", output=lines)


def _engine_trouble(error: Exception) -> WorkshopError:
    try:
        reach.connect(timeout_seconds=ANSWER_SECONDS)
    except NotReady as missing:
        return missing
    if isinstance(error, NotFound):
        return WorkshopError(f"{_words(error)}.", "Run the cell that makes it, then this one again.")
    if isinstance(error, APIError):
        return WorkshopError(
            f"The engine refused: {_words(error)}.", "Run the set-up cell (the first one), then the cells from there."
        )
    return WorkshopError(
        "The connection to the Docker engine broke off; by now the engine answers again.",
        "Run the set-up cell (the first one), then this cell again.",
    )


def cell_sources(notebook: Path) -> list[str]:
    """The code cells of a notebook; none where it cannot be read."""
    try:
        cells = json.loads(notebook.read_text())["cells"]
        return ["".join(cell["source"]).strip() for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def names_made(source: str) -> Iterator[str]:
    """The names that a cell makes, as often as it makes them.

    >>> list(names_made("import json\\nfor a, b in rows: c = [d for d in a]"))
    ['json', 'a', 'b', 'c']
    """
    try:
        tree = compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    except SyntaxError:
        return
    for node in tree.body:
        yield from _names(node)


def _names(node: ast.AST) -> Iterator[str]:
    """What a statement binds at its own level: not what its functions and comprehensions keep to themselves."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif not isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        for child in ast.iter_child_nodes(node):
            yield from _names(child)


def _failed_cell(trace: TracebackType | None) -> str | None:
    """The source of the cell whose own code an error arose in; None if that was a library's."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_globals.get("__name__") != "__main__":
        return None
    return "".join(linecache.getlines(trace.tb_frame.f_code.co_filename)).strip()


def _beginning(source: str) -> str:
    """How a cell begins: its first line, or a little more where that is an opening bracket."""
    first, *more = source.split("\n")
    return f"{first} {more[0].strip()} …" if first.endswith(("(", "[", "{")) and more else first


def _words(error: APIError) -> str:
    """What the engine said, on one line and without its full stop."""
    return _sentence(str(error.explanation or error)).rstrip(".")


def _sentence(text: str) -> str:
    """A text on one line, with one full stop."""
    return " ".join(text.split()).rstrip(".") + "."
