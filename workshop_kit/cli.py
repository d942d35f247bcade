"""``./workshop``: the command line. It registers the commands and turns their errors into sentences."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import typer

from workshop_kit.bootstrap import command_table
from workshop_kit.engine import reach, reaper
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.files import explain
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import say, say_error

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}

COMMANDS = {
    "setup": "commands.machine:setup",
    "start": "commands.machine:start",
    "doctor": "commands.doctor:main",
    "plan": "commands.plan:main",
    "tour": "commands.tour:tour",
    "notes": "commands.instructor:notes",
    "check": "commands.exercises:check",
    "watch": "commands.exercises:watch",
    "hint": "commands.exercises:hint",
    "solution": "commands.exercises:solution",
    "reset": "commands.exercises:reset",
    "status": "commands.exercises:status",
    "goto": "commands.exercises:goto",
    "update": "commands.exercises:update",
    "desk": "commands.instructor:desk",
    "join": "commands.instructor:join",
    "audit": "commands.audit:audit",
    "down": "commands.machine:down",
    "seat": "commands.seats:seat",
    "test": "commands.development:run_tests",
    "bench": "commands.development:bench",
    "build": "commands.development:build",
    "site": "commands.development:site",
}
"""Where the function of each command is, as MODULE:FUNCTION."""
GROUPS = {
    "progress": "commands.exercises:progress",
    "bundle": "commands.machine:bundle",
    "hub": "commands.seats:hub",
    "new": "commands.development:new",
}
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
    known = {*COMMANDS, *GROUPS}
    chosen = known.intersection(words[:1]) - {"build"} or known  # build writes down the help of all
    for name, place in COMMANDS.items():
        if name in chosen:
            _register(app, name, _load(place))
    for name, place in GROUPS.items():
        if name in chosen:
            app.add_typer(_load(place), name=name)
    return app


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"workshop_kit.{module}"), name)


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


def _without_typer(run: Callable[[list[str]], int]) -> Callable[..., None]:
    """Return a command that parses its own words: it also runs on a bare Python."""

    def command(context: typer.Context) -> None:
        raise typer.Exit(run(context.args))

    return command


def _register(app: typer.Typer, name: str, function: Callable[..., Any]) -> None:
    """Register a command with the summary that the command table has for it."""
    known = command_table.find(name)
    assert known is not None, name  # noqa: S101 - the table lists every command
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    settings: dict[str, Any] = passed_on if name in {"test", "bench"} else {}
    if known.bare:
        settings, function = {**passed_on, "help_option_names": []}, _without_typer(function)
    app.command(name, help=known.summary, context_settings=settings)(function)


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
