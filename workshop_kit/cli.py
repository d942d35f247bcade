"""The command line ``./workshop``: it finds a command in the table and runs it."""

from __future__ import annotations

import sys
from functools import partial
from typing import NoReturn

import typer

from workshop_kit import program
from workshop_kit.commands import COMMANDS, run_without_packages
from workshop_kit.paths import LAUNCHER
from workshop_kit.termination import interrupt_on_termination


def application(name: str) -> typer.Typer:
    """Return the command line with one command: the modules of the others are slow to import."""
    app = program.new_application("workshop")
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
    words = sys.argv[1:]
    program.exit_with(partial(run, words), [str(LAUNCHER), *words])


def run(words: list[str]) -> object:
    """Run a command with its words; return its exit code, or whatever else its function returns."""
    code = run_without_packages(words)
    if code is not None:
        return code

    name = words[0]
    if COMMANDS[name].has_containers:
        interrupt_on_termination()

    return program.start(application(name), words, "./workshop")


if __name__ == "__main__":
    main()
