"""How errors look in a notebook: a sentence in place of a traceback for what a participant can cause or fix.

`WorkshopError._render_traceback_` gives the lines. This module turns other errors into a WorkshopError: an engine that
stopped or refuses, a failed build, a command of the shell that failed, a full disk, and a name that another cell
defines.
"""

from __future__ import annotations

import errno
import os
import symtable
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import httpx
from docker.errors import APIError, BuildError, DockerException, NotFound
from requests.exceptions import RequestException

from workshop_kit.engine import reach
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.files import explain
from workshop_kit.workspace.course import notebook_cells

HANDLED = (NameError, DockerException, RequestException, OSError, httpx.ConnectError, CalledProcessError)
"""Error types that may become a sentence; RequestException and OSError include broken connections."""
ANSWER_SECONDS = 5.0
SESSION = "JPY_SESSION_NAME"
"""The variable in which Jupyter's server gives a kernel the path of its notebook."""


def load_ipython_extension(shell: Any) -> None:
    """Install the error handler; the workshop's kernel loads this module as an IPython extension."""
    session = os.environ.get(SESSION)
    notebook = Path(session) if session else None

    def show_error(
        shell: Any, kind: type[BaseException], error: BaseException, trace: Any, tb_offset: Any = None
    ) -> None:
        workshop_error = sentence_for(error, notebook)
        if workshop_error is None:
            lines = shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=tb_offset)
            shell._showtraceback(kind, error, lines)
        else:
            shell._showtraceback(type(workshop_error), workshop_error, workshop_error._render_traceback_())

    shell.set_custom_exc(HANDLED, show_error)


def sentence_for(error: BaseException, notebook: Path | None) -> WorkshopError | None:
    """Return the WorkshopError for a cell's error; None to show the traceback.

    ``notebook`` is the participant's copy; its cells show where a missing name is defined.
    """
    match error:
        case NameError():
            return _missing_name_error(error.name, notebook) if notebook else None
        case BuildError():
            return _build_error(error)
        case DockerException() | RequestException():
            return _engine_error(error)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return explain(error, Path.cwd())
        case httpx.ConnectError() | CalledProcessError():
            return _cell_error(error)
    return None


def _cell_error(error: httpx.ConnectError | CalledProcessError) -> WorkshopError:
    """Return the error for a request that nothing answered, or for a cell that begins with ``%%bash`` and failed."""
    if isinstance(error, httpx.ConnectError):
        what = f"Nothing answers at {error.request.url}."
        return WorkshopError(what, "Run the cell that starts the service, then the cells from there.")

    what = f"The last command of this cell ended with exit code {error.returncode}; what it says stands above."
    return WorkshopError(what, "If it names something that a cell above makes, run that cell first.")


def _missing_name_error(name: str | None, notebook: Path) -> WorkshopError | None:
    """Return the error that says which cell of the lesson makes a name first; None if no cell makes it."""
    try:
        code_cells = [cell for cell in notebook_cells(notebook) if cell["cell_type"] == "code"]
        sources = [cell["source"].strip() for cell in code_cells]
    except (FileNotFoundError, NotReady, LookupError, TypeError):
        return None

    for number, source in enumerate(sources):
        if name in names_defined(source):
            first_line, _, _ = source.partition("\n")
            where = "the set-up cell, the first one" if number == 0 else f"the cell that begins with `{first_line}`"
            what = f"There is no `{name}` yet: it is made by {where}."
            return WorkshopError(what, "Run that cell first, then this one.")
    return None


def _build_error(error: BuildError) -> WorkshopError:
    """Return the error for a failed build, with the builder's last lines as its output.

    The client's first note has those lines, the second one has the reason. Without a reason, the builder's message is
    shown.
    """
    notes: list[str] = getattr(error, "__notes__", [])
    last_lines = notes[0] if notes else ""
    reason = notes[1] if len(notes) > 1 else ""
    what = reason or f"The build failed: {_one_sentence(error.msg)}"
    return WorkshopError(what, "Change the file, then build again.", output=last_lines)


def _engine_error(error: Exception) -> WorkshopError:
    """Return the error for a call that failed: no engine, no such object, a refusal, or a lost connection."""
    try:
        reach.connect(timeout_seconds=ANSWER_SECONDS)
    except NotReady as not_ready:
        return not_ready

    if isinstance(error, NotFound):
        what = _one_sentence(str(error.explanation or error))
        return WorkshopError(what, "Run the cell that makes it, then this one again.")

    if isinstance(error, APIError):
        reason = reach.engine_reason(error)
        next_step = "Run the set-up cell (the first one), then the cells from there."
        if reason == reach.NO_CGROUP:
            next_step = "./workshop doctor says what this costs. Read on below this cell."
        return WorkshopError(f"The engine refused: {reason}.", next_step)

    return WorkshopError(
        "The connection to the Docker engine broke off; by now the engine answers again.",
        "Run the set-up cell (the first one), then this cell again.",
    )


def names_defined(source: str) -> set[str]:
    """Return the names that a cell defines.

    >>> sorted(names_defined("import json\\nfor a, b in rows: c = [d for d in a]"))
    ['a', 'b', 'c', 'json']
    """
    try:
        symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    except SyntaxError:
        return set()
    return {symbol.get_name() for symbol in symbols if _is_defined(symbol)}


def _is_defined(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported()


def _one_sentence(text: str) -> str:
    """Return a text on one line with one full stop."""
    return " ".join(text.split()).rstrip(".") + "."
