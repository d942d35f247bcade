"""The commands for maintainers and authors: ``test``, ``bench``, ``build`` and ``new lesson``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from workshop_kit.bootstrap import python_env
from workshop_kit.commands.common import NoInstall, group
from workshop_kit.commands.machine import repeat_as_group_member
from workshop_kit.dev import generated, new_lesson, suite
from workshop_kit.engine import reach
from workshop_kit.errors import Exit, NotReady, WorkshopError, WrongUsage
from workshop_kit.exercises import generator
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import TerminalReport, say
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import own_workspace

new = group("new")


def run_tests(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also the tests that take long, group by group.")] = False,
    no_install: NoInstall = False,
) -> None:
    """Run the test suite; further words go to pytest (``./workshop test -k config``)."""
    began = time.monotonic()
    python = _with_developer_packages(no_install)
    absent = _absent_for_tests(may_install=not no_install)
    prepared = time.monotonic()
    words = list(context.args)
    if everything:
        code = suite.run_all(python, CHECKOUT, words, absent)
    elif suite.names_a_part(words, CHECKOUT):
        code = suite.run([python, "-m", "pytest", *words], CHECKOUT)
    else:
        code = suite.run_group(suite.DEFAULT, python, CHECKOUT, words, absent)
    if code == suite.NOTHING_COLLECTED:
        raise WorkshopError("No test was collected.", "Check the words after ./workshop test.")
    ended = time.monotonic()
    say(f"Total: {ended - began:.0f} s, {prepared - began:.0f} s of it to prepare the machine.")
    for mark, reason in absent.items():
        say(f"Not run: the tests marked {mark!r}. {reason}")
    raise typer.Exit(Exit.NOT_GOOD if code else Exit.NOT_READY if absent else Exit.GOOD)


def bench(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Benchmarks to run; none means all.")] = None,
    no_install: NoInstall = False,
) -> None:
    """Run the benchmarks; unknown options go to them (``--json`` gives rows)."""
    python = _with_developer_packages(no_install)
    words = names or []
    options = [word for word in words if word.startswith("-")]
    chosen = [word for word in words if not word.startswith("-")]
    known = sorted(path.stem for path in (CHECKOUT / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        raise WrongUsage(f"There is no benchmark {unknown[0]!r}.", f"Choose from: {', '.join(known)}.")
    options += [*context.args, *(["--no-install"] if no_install else [])]
    codes = [
        subprocess.run([python, "-m", f"benchmarks.{name}", *options], cwd=CHECKOUT, check=False).returncode
        for name in chosen or known
    ]
    raise typer.Exit(Exit.NOT_GOOD if any(codes) else Exit.GOOD)


def build(context: typer.Context) -> None:
    """Regenerate the exercises from solutions/, two files in docs/, the help before set-up, and the lock files."""
    for path in generator.build(CHECKOUT):
        say(f"written: {path}")
    for path in generated.write_all(CHECKOUT, context.find_root().command):
        say(f"written: {path}")


@new.command("lesson")
def new_lesson_files(
    name: Annotated[str, typer.Argument(help="Its number and name: 07_network.")],
) -> None:
    """Write the files of a new lesson.

    They are its notebook, source, check, registry entry, tables and notes, and a test that fails until all is written.
    """
    paths = [*new_lesson.write(CHECKOUT, name), *generator.build(CHECKOUT)]
    for path in dict.fromkeys(paths):
        say(f"written: {path}")
    say(f"Every TODO is yours to write: docs/adding-a-lesson.md. What is left: ./workshop test -k {name}")


def _with_developer_packages(no_install: bool) -> Path:
    """Return the interpreter for tests. A conda environment belongs to the user, who adds the packages."""
    if not (CHECKOUT / ".venv").exists():
        return Path(sys.executable)
    return python_env.ensure(CHECKOUT, developer=True, install=not no_install)


def _absent_for_tests(*, may_install: bool) -> dict[str, str]:
    """Prepare an engine and a browser for the tests; return the marks of tests that cannot run, with the reason."""
    absent = {}
    with TerminalReport() as report:
        try:
            provision.make_ready(own_workspace(os.environ), may_install=may_install, report=report)
        except NotReady as error:
            if isinstance(error, reach.NoPermission):
                repeat_as_group_member()
            absent = {mark: str(error) for mark in ("engine", "browser")}
        try:
            suite.ensure_browser(install=may_install, report=report)
        except NotReady as error:
            absent.setdefault("browser", str(error))
    return absent
