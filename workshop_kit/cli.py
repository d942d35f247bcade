"""The command line ``./workshop``: it registers the commands and turns their errors into sentences."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from functools import partial
from typing import NoReturn

import typer

from workshop_kit.__main__ import run_without_packages
from workshop_kit.commands import COMMANDS, Command
from workshop_kit.engine import install, reaper
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.files import explain
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import say, say_error

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOTDIR, errno.EEXIST}

INTERRUPTED = 130


def application(name: str, *, alone: bool = False) -> typer.Typer:
    """Return the command line with one command: the modules of the others are slow to import.

    ``alone``: that command is the whole application, so its name is no word of the command line.
    """
    app = typer.Typer(name="workshop", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    if not alone:
        app.callback()(lambda: None)  # without a callback, Typer makes a single command the whole application

    command = COMMANDS[name]
    function_or_group = getattr(command.load(), name)
    if isinstance(function_or_group, typer.Typer):
        app.add_typer(function_or_group, name=name, help=command.summary)
    else:
        settings = {"allow_extra_args": command.passes_on, "ignore_unknown_options": command.passes_on}
        app.command(name, help=command.summary, context_settings=settings)(function_or_group)

    return app


def main() -> NoReturn:
    """Run ``./workshop``."""
    exit_with(partial(run, sys.argv[1:]))


def run(words: list[str]) -> object:
    """Run a command with its words; return its exit code, or whatever else its function returns."""
    code = run_without_packages(words)
    if code is not None:
        return code

    name = words[0]
    return start(application(name), words, "./workshop", COMMANDS[name])


def start(app: typer.Typer, words: list[str], program: str, command: Command) -> object:
    """Run Typer's application for a command, and return its exit code or result; errors are raised to the caller."""
    if command.has_containers:
        reaper.interrupt_on_termination()
    return app(words, prog_name=program, standalone_mode=False)  # in standalone mode Typer exits by itself


def exit_with(program: Callable[[], object]) -> NoReturn:
    """Run a program and exit with the code that it returns; an error becomes one sentence and its exit code."""
    try:
        code = program()
        if code == INTERRUPTED:  # Typer returns this code after Ctrl-C
            raise KeyboardInterrupt
    except WorkshopError as error:
        install.repeat_as_group_member(error)
        _say_and_exit(error)
    except (KeyboardInterrupt, typer.Abort):
        say("Stopped. Nothing is lost: run the same command again.")
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        _say_and_exit(explain(error, CHECKOUT))
    except Exception as error:
        _exit_with_usage(error)

    sys.exit(code if isinstance(code, int) else Exit.GOOD)


def _exit_with_usage(error: Exception) -> NoReturn:
    """Show a usage error of Typer as one sentence, and exit. Any other error is a bug: it is raised again."""
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        raise error

    message = format_message().rstrip(".")
    if message.startswith("Usage:"):  # the words name a group without a command: the message is the group's help
        say(message)
        sys.exit(Exit.WRONG_USAGE)

    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "./workshop")
    end = "" if message.endswith("?") else "."
    say(f"{message}{end} Run {path} --help for what it takes.")
    sys.exit(Exit.WRONG_USAGE)


def _say_and_exit(error: WorkshopError) -> NoReturn:
    say_error(error)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
