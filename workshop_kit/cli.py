"""``./workshop``: the command line. It registers the commands and turns their errors into sentences."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer

from workshop_kit.bootstrap.command_table import COMMANDS, Command
from workshop_kit.engine import reach, reaper
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.files import explain
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import say, say_error

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}

MODULES = {
    "machine": ("setup", "start", "down", "bundle"),
    "doctor": ("doctor",),
    "exercises": ("check", "watch", "hint", "solution", "reset", "status", "goto", "update", "progress"),
    "tour": ("tour",),
    "plan": ("plan",),
    "instructor": ("notes", "desk", "join"),
    "audit": ("audit",),
    "seats": ("seat", "hub"),
    "development": ("test", "bench", "new", "build", "site"),
}
"""The commands in each module of ``commands``: functions and groups of these names, a bare one as ``main``."""
INTERRUPTED = 130
STARTING_CONTAINERS = {"audit", "check", "goto", "tour", "watch"}
"""Commands that have containers to remove when they are told to end."""


def application(words: Sequence[str]) -> typer.Typer:
    """Return the command line for these words.

    Where they begin with a command, it has this command alone: the modules of the others are slow to import.
    """
    app = typer.Typer(
        name="workshop",
        help="Container Design Workshop: configuration, logging and monitoring on real running containers.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)  # without it, a single command would be the whole application
    known = {name for names in MODULES.values() for name in names}
    chosen = known.intersection(words[:1]) - {"build"} or known  # build writes down the help of all
    for name, command in COMMANDS.items():
        if name in chosen:
            _register(app, name, command)
    return app


def _register(app: typer.Typer, name: str, command: Command) -> None:
    """Register a command, or a group of them, with the summary of the table."""
    module = next(module for module, names in MODULES.items() if name in names)
    found = getattr(importlib.import_module(f"workshop_kit.commands.{module}"), "main" if command.bare else name)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name, help=command.summary)
        return
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    settings: dict[str, Any] = passed_on if name in {"test", "bench"} else {}
    if command.bare:
        settings, found = {**passed_on, "help_option_names": []}, _without_typer(found)
    app.command(name, help=command.summary, context_settings=settings)(found)


def _without_typer(run: Callable[[list[str]], int]) -> Callable[..., None]:
    """Return a command that parses its own words: it also runs on a bare Python."""

    def command(context: typer.Context) -> None:
        raise typer.Exit(run(context.args))

    return command


def main() -> NoReturn:
    """Run the command line; a WorkshopError becomes one sentence and its exit code."""
    try:
        if STARTING_CONTAINERS.intersection(sys.argv[1:2]):
            reaper.interrupt_on_termination()
        # Without standalone mode an exit code comes back as a value, and errors come here.
        code = application(sys.argv[1:])(prog_name="./workshop", standalone_mode=False)
        if code == INTERRUPTED:  # Typer's word for Ctrl-C
            raise KeyboardInterrupt
    except WorkshopError as error:
        if isinstance(error, reach.NoPermission):
            from workshop_kit.commands import machine  # lazily, as all commands

            machine.repeat_as_group_member()
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
    if said.startswith("Usage:"):  # no command was named: this is the help
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
