"""The commands for maintainers and authors: ``test``, ``bench``, ``build`` and ``site``."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from workshop_dev import generated, generator, suite
from workshop_dev import site as site_pages
from workshop_kit import provision, python_env
from workshop_kit.commands.options import NoInstall
from workshop_kit.engine import docker_group
from workshop_kit.errors import Exit, NotReady, WorkshopError, WrongUsage
from workshop_kit.paths import CHECKOUT, LAUNCHER
from workshop_kit.reporting import Step
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace.folder import own_workspace


def test(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also the tests that take long, group by group.")] = False,  # noqa: PT028 - a command
    no_install: NoInstall = False,  # noqa: PT028
) -> None:
    """Run the test suite; further words go to pytest (``./workshop test -k config``)."""
    began = time.monotonic()
    python = _interpreter(no_install)
    words = list(context.args)
    is_part = not everything and suite.names_a_part(words, CHECKOUT)
    variables: dict[str, str] = {}
    absent: dict[str, str] = {}
    if is_part and suite.leaves_preparing(words):
        variables[suite.PREPARING] = "no" if no_install else "yes"
    else:
        absent = _prepare_tests(may_install=not no_install)
    prepared = time.monotonic()

    if everything:
        code = suite.run_all(python, CHECKOUT, words, absent)
    elif is_part:
        with suite.busy(python, suite.busy_loops_of(words)):
            code = suite.run([python, "-m", "pytest", *words], CHECKOUT, variables)
    else:
        code = suite.run_group(suite.DEFAULT, python, CHECKOUT, words, absent)
        say("Left out: the tests marked long, alone, busy, engines or machine. Run: ./workshop test --all")
    if code == suite.NOTHING_COLLECTED:
        raise WorkshopError("No test was collected.", "Check the words after ./workshop test.")
    if code == suite.NOT_PREPARED:
        raise typer.Exit(Exit.NOT_READY)

    ended = time.monotonic()
    say(f"Total: {ended - began:.0f} s, {prepared - began:.0f} s of it to prepare the machine.")
    for mark, reason in absent.items():
        say(f"Not run: the tests marked {mark!r}. {reason}")
    if code:
        raise typer.Exit(Exit.NOT_GOOD)
    raise typer.Exit(Exit.NOT_READY if absent else Exit.GOOD)


def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Benchmarks to run; none means all.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Write the rows to docs/performance.md.")] = False,
    no_install: NoInstall = False,
) -> None:
    """Run the benchmarks; unknown options go to them (``--json`` gives rows)."""
    words = names or []
    options = [word for word in words if word.startswith("-")]
    chosen_names = [word for word in words if not word.startswith("-")]
    all_modules = [path.stem for path in (CHECKOUT / "benchmarks").glob("*.py")]
    all_names = sorted(name for name in all_modules if not name.startswith("_"))
    unknown_names = sorted(set(chosen_names) - set(all_names))
    if unknown_names:
        raise WrongUsage(f"There is no benchmark {unknown_names[0]!r}.", f"Choose from: {', '.join(all_names)}.")
    if no_install:
        options.append("--no-install")

    python = _interpreter(no_install)
    codes = [_run_benchmark(python, name, options, report=report) for name in chosen_names or all_names]
    raise typer.Exit(Exit.NOT_GOOD if any(codes) else Exit.GOOD)


def site(
    out: Annotated[Path, typer.Option(help="The folder of the site.", show_default="build/site")] = site_pages.FOLDER,
    no_install: NoInstall = False,
) -> None:
    """Build the site from the book, the guides and the notes."""
    python = _interpreter(no_install)
    folder = out.resolve()
    with TerminalReport() as report:
        report(Step("Site", detail="reading the pages"))
        site_pages.build(python, folder)
        report(Step("Site", 1.0, done=True))
    answer(f"Site: {folder / 'index.html'}")


def build() -> None:
    """Write what is made: the service from lessons and solutions, pages of docs/, and the lock files."""
    remaining_files = list(generated.FILES)
    try:
        for path in generator.build(CHECKOUT):
            say(f"written: {path}")
        for path, is_written in generated.write_all(CHECKOUT):
            remaining_files.remove(path)
            if is_written:
                say(f"written: {path}")
    except KeyboardInterrupt:
        say(f"Left as they were: {', '.join(map(str, remaining_files))}.")
        raise


def _run_benchmark(python: Path, name: str, options: Sequence[str], *, report: bool) -> int:
    """Run a benchmark and return its exit code; with ``report`` its rows go to docs/performance.md, not to stdout."""
    command: list[str | Path] = [python, "-m", f"benchmarks.{name}", *options]
    if not report:
        return subprocess.run(command, cwd=CHECKOUT, check=False).returncode

    say(f"measuring: {name}")
    result = subprocess.run([*command, "--json"], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode == 0:
        say(f"written: {generated.keep_rows(CHECKOUT, name, result.stdout)}")
    else:
        say(f"{name} failed: the page keeps its older figures. Run ./workshop bench {name} to see why.")
    return result.returncode


def _interpreter(no_install: bool) -> Path:
    """Return the interpreter of .venv, with the developer packages installed if that is allowed.

    Without .venv it is this one: an environment such as conda's belongs to the user, who adds the packages.
    """
    if not (CHECKOUT / ".venv").exists():
        return Path(sys.executable)
    return python_env.ensure(CHECKOUT, developer=True, install=not no_install)


def _prepare_tests(*, may_install: bool) -> dict[str, str]:
    """Prepare an engine and a browser for the tests; return the marks of tests that cannot run, with the reason."""
    reasons_by_mark: dict[str, str] = {}
    with TerminalReport() as report:
        try:
            provision.make_ready(own_workspace(), may_install=may_install, report=report)
        except NotReady as error:
            docker_group.repeat_as_group_member(error, [str(LAUNCHER), *sys.argv[1:]])
            reasons_by_mark["engine"] = str(error)
            reasons_by_mark["browser"] = str(error)  # its tests need an engine, too

        try:
            suite.ensure_browser(install=may_install, report=report)
        except NotReady as error:
            reasons_by_mark.setdefault("browser", str(error))

    return reasons_by_mark
