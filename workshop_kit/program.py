"""Run a command line that Typer made: an error becomes one sentence and its exit code."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import typer

from workshop_kit.engine import docker_group
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.files import explain
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import say, say_error

DISK_ERRORS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
}

INTERRUPTED = 130


def new_application(name: str) -> typer.Typer:
    """Return a command line without commands."""
    return typer.Typer(name=name, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def start(app: typer.Typer, words: Sequence[str], program: str) -> object:
    """Run an application with its words, and return its exit code or result; errors are raised to the caller.

    ``program`` is what the user typed, for the help.
    """
    return app(list(words), prog_name=program, standalone_mode=False)  # in standalone mode Typer exits by itself


def exit_with(program: Callable[[], object], command: Sequence[str]) -> NoReturn:
    """Run a program and exit with the code that it returns; an error becomes one sentence and its exit code.

    ``command`` is the program with its words, to run it again.
    """
    try:
        code = program()
        if code == INTERRUPTED:  # Typer returns this code after Ctrl-C
            raise KeyboardInterrupt
    except WorkshopError as error:
        docker_group.repeat_as_group_member(error, command)
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
