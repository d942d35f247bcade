"""``./workshop``: the command line. It registers the commands and turns their errors into sentences."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from workshop_kit import doctor
from workshop_kit.bootstrap import command_table
from workshop_kit.commands import audit, development, exercises, instructor, machine, plan, seats, tour
from workshop_kit.engine import reach, reaper
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.files import explain
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import say, say_error

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}

app = typer.Typer(
    name="workshop",
    help="Container Design Workshop: configuration, logging and monitoring on real running containers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _without_typer(run: Callable[[list[str]], int]) -> Callable[..., None]:
    """Return a command that parses its own words: it also runs on a bare Python."""

    def command(context: typer.Context) -> None:
        raise typer.Exit(run(context.args))

    return command


COMMANDS: dict[str, Callable[..., None]] = {
    "setup": machine.setup,
    "start": machine.start,
    "doctor": _without_typer(doctor.main),
    "plan": _without_typer(plan.main),
    "tour": tour.tour,
    "notes": instructor.notes,
    "check": exercises.check,
    "watch": exercises.watch,
    "hint": exercises.hint,
    "solution": exercises.solution,
    "reset": exercises.reset,
    "status": exercises.status,
    "goto": exercises.goto,
    "update": exercises.update,
    "desk": instructor.desk,
    "join": instructor.join,
    "audit": audit.audit,
    "down": machine.down,
    "seat": seats.seat,
    "test": development.run_tests,
    "bench": development.bench,
    "build": development.build,
    "site": development.site,
}
GROUPS = {"progress": exercises.progress, "bundle": machine.bundle, "hub": seats.hub, "new": development.new}


def main() -> NoReturn:
    """Run the command line; a WorkshopError becomes one sentence and its exit code."""
    try:
        if sys.argv[1:2] in (["check"], ["goto"], ["tour"]):
            reaper.interrupt_on_termination()
        # Without standalone mode an exit code comes back as a value, and errors come here.
        code = app(prog_name="./workshop", standalone_mode=False)
    except WorkshopError as error:
        if isinstance(error, reach.NoPermission):
            machine.repeat_as_group_member()
        _exit_with(error)
    except (KeyboardInterrupt, typer.Abort):
        say("Stopped. Nothing is lost: run the same command again, it goes on where it stopped.")
        sys.exit(130)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        _exit_with(explain(error, CHECKOUT))
    except Exception as error:
        _usage_or_raise(error)
    sys.exit(code if isinstance(code, int) else Exit.GOOD)


def _register(name: str, function: Callable[..., None]) -> None:
    """Register a command with the summary that the command table has for it."""
    known = command_table.find(name)
    assert known is not None, name  # noqa: S101 - the table lists every command
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    settings: dict[str, Any] = passed_on if name in {"test", "bench"} else {}
    if known.bare:
        settings = {**passed_on, "help_option_names": []}
    app.command(name, help=known.summary, context_settings=settings)(function)


def _usage_or_raise(error: Exception) -> NoReturn:
    """Turn Typer's usage errors into one sentence; any other error is a bug and keeps its traceback."""
    show = getattr(error, "format_message", None)
    if show is None:
        raise error
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "./workshop")
    say(f"{show().rstrip('.')}. Run {path} --help for what it takes.")
    sys.exit(Exit.WRONG_USAGE)


def _exit_with(error: WorkshopError) -> NoReturn:
    say_error(error)
    sys.exit(error.exit_code)


for _name, _function in COMMANDS.items():
    _register(_name, _function)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)

if __name__ == "__main__":
    main()
