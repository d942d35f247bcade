"""``./workshop``: the command line. It registers the commands and turns their errors into sentences."""

from __future__ import annotations

import errno
import importlib
import sys
from typing import Any, NoReturn

import typer

from workshop_kit.__main__ import run_without_packages
from workshop_kit.commands import COMMANDS
from workshop_kit.engine import install, reaper
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.files import explain
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import say, say_error

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR, errno.EEXIST}

MODULES = {
    "machine": ("setup", "start", "down", "bundle"),
    "exercises": ("check", "hint", "solution", "reset", "status", "goto", "update", "progress"),
    "watch": ("watch",),
    "tour": ("tour",),
    "instructor": ("notes", "handout", "desk", "join"),
    "audit": ("audit",),
    "grading": ("grade",),
    "seats": ("seat", "hub"),
    "development": ("test", "bench", "new", "build", "site"),
}
"""The commands in each module of ``commands``: functions and groups of these names."""
INTERRUPTED = 130
STARTING_CONTAINERS = {"audit", "check", "goto", "grade", "tour", "watch"}
"""Commands that have containers to remove when they are told to end."""


def application(name: str) -> typer.Typer:
    """Return the command line with one command: the modules of the others are slow to import."""
    app = typer.Typer(name="workshop", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.callback()(lambda: None)  # without it, a single command would be the whole application
    module = next(module for module, names in MODULES.items() if name in names)
    _register(app, name, getattr(importlib.import_module(f"workshop_kit.commands.{module}"), name))
    return app


def _register(app: typer.Typer, name: str, found: Any) -> None:
    """Register a command, or a group of them, with the summary of the table."""
    summary = COMMANDS[name].summary
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name, help=summary)
        return
    takes_more = name in {"test", "bench"}
    settings = {"allow_extra_args": takes_more, "ignore_unknown_options": takes_more}
    app.command(name, help=summary, context_settings=settings)(found)


def main() -> NoReturn:
    """Run the command line; a WorkshopError becomes one sentence and its exit code."""
    try:
        if STARTING_CONTAINERS.intersection(sys.argv[1:2]):
            reaper.interrupt_on_termination()
        code = run_without_packages(sys.argv[1:])
        if code is None:  # without standalone mode an exit code comes back as a value, and errors come here
            code = application(sys.argv[1])(prog_name="./workshop", standalone_mode=False)
        if code == INTERRUPTED:  # Typer's word for Ctrl-C
            raise KeyboardInterrupt
    except WorkshopError as error:
        install.repeat_as_group_member(error)
        _exit_with(error)
    except (KeyboardInterrupt, typer.Abort):
        say("Stopped. Nothing is lost: run the same command again.")
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        _exit_with(explain(error, CHECKOUT))
    except Exception as error:
        _usage_or_raise(error)
    sys.exit(code if isinstance(code, int) else Exit.GOOD)


def _usage_or_raise(error: Exception) -> NoReturn:
    """Turn Typer's usage errors into one sentence; any other error is a bug and keeps its traceback."""
    show = getattr(error, "format_message", None)
    if show is None:
        raise error
    said = show().rstrip(".")
    if said.startswith("Usage:"):  # no command of a group was named: this is the help
        say(said)
        sys.exit(Exit.WRONG_USAGE)
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "./workshop")
    say(f"{said}{'' if said.endswith('?') else '.'} Run {path} --help for what it takes.")
    sys.exit(Exit.WRONG_USAGE)


def _exit_with(error: WorkshopError) -> NoReturn:
    say_error(error)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
