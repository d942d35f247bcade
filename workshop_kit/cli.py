"""``./workshop``: the commands, each a few lines over the library."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from workshop_kit import doctor as doctor_report
from workshop_kit.bootstrap import needs, python_env
from workshop_kit.commands import audit, bundle, desk, exercises
from workshop_kit.commands import plan as timetable
from workshop_kit.dev import browser, help_pages, locks, suite
from workshop_kit.engine import cleanup, install, reach, reaper
from workshop_kit.engine.labels import Scope
from workshop_kit.errors import Exit, NotReady, WorkshopError, WrongUsage
from workshop_kit.exercises import checkpoint, generator
from workshop_kit.exercises.exercise_service import Desk
from workshop_kit.lessons import book_page
from workshop_kit.paths import CHECKOUT
from workshop_kit.progress import Report
from workshop_kit.terminal import TerminalReport
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import own_workspace
from workshop_kit.workspace.lookup import find_lesson

REPEATED = "WORKSHOP_REPEATED"  # set while a command runs for the second time, as a member of Docker's group
TOUR_FOLDER = CHECKOUT / "build" / "tour"
BOOK_FOLDER = CHECKOUT / "docs" / "book"

app = typer.Typer(
    name="workshop",
    help="Container Design Workshop: configuration, logging and monitoring on real running containers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
NoInstall = Annotated[
    bool, typer.Option("--no-install", help="Neither install nor start anything on the machine; say what is missing.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]


def main() -> NoReturn:
    """Run the command line; a WorkshopError becomes one sentence and its exit code."""
    try:
        if sys.argv[1:2] in (["check"], ["goto"], ["tour"]):
            reaper.interrupt_on_termination()
        # Without standalone mode an exit code comes back as a value, and errors come here.
        code = app(prog_name="./workshop", standalone_mode=False)
    except WorkshopError as error:
        if isinstance(error, reach.NoPermission):
            _repeat_as_group_member()
        _complain(error)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _say("Stopped. Nothing is lost: run the same command again, it goes on where it stopped.")
        sys.exit(130)
    except Exception as error:
        _usage_or_raise(error)
    sys.exit(code if isinstance(code, int) else Exit.GOOD)


def command(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command under the name and the line of help that the table of needs has for it."""
    known = needs.find(name)
    assert known is not None, name  # noqa: S101 - a command without a row in the table is a mistake of ours
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True}
    extra: dict[str, Any] = passed_on if name in {"test", "bench"} else {}
    if known.need is needs.Need.NOTHING:  # such a command parses its words itself, with or without the packages
        extra = {**passed_on, "help_option_names": []}
    return app.command(name, help=known.summary, context_settings=extra)


@command("setup")
def setup(no_install: NoInstall = False) -> None:
    """Prepare this machine."""
    workspace = own_workspace(os.environ)
    with TerminalReport() as report:
        stack = provision.make_ready(workspace, may_install=not no_install, report=report)
        provision.write_env(stack, report)
    version = stack.session.engine.version["Version"]
    _say(f"Ready: Docker {version}, all images, and a container that ran. Next: ./workshop start")


@command("start")
def start(
    lesson: Annotated[
        str, typer.Argument(help="The lesson: 02_configuration, or a beginning such as 02.")
    ] = "00_start",
    port: Annotated[
        int | None, typer.Option(help="JupyterLab's port; left out, that of the last start, or a free one.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
    seed: exercises.Seed = None,
    no_install: NoInstall = False,
) -> None:
    """Prepare what is missing and open a lesson; where no engine can be had, the book."""
    from workshop_kit.lessons import lab
    from workshop_kit.workspace import lab_settings  # here, not above: other commands need not wait for it

    workspace = own_workspace(os.environ)
    lesson = find_lesson(lesson, workspace.notebooks)
    if seed is not None:
        workspace.share_seed(seed)
    page = lab_settings.lesson_page(lesson)
    with TerminalReport() as report:
        no_engine = _why_no_engine(may_install=not no_install, report=report)
        if no_engine is None:
            stack = provision.make_ready(workspace, may_install=not no_install, report=report)
            provision.write_env(stack, report)
            provision.sweep(stack.session, report)
    if no_engine is not None:
        _complain(no_engine)
        _say("Until then there is the book to read: the lessons as they were executed.")
        book_page.bring_book(workspace)
        page = book_page.book_page(lesson)
    lab.serve(workspace, page, port=port, open_browser=not no_browser)


@command("doctor")
def doctor(context: typer.Context) -> None:
    """Look at the machine."""
    raise typer.Exit(doctor_report.main(context.args))


@command("plan")
def plan(context: typer.Context) -> None:
    """Print the timetable of a track, with breaks."""
    raise typer.Exit(timetable.main(context.args))


@command("tour")
def tour(
    lessons: Annotated[
        list[str] | None, typer.Argument(help="Lessons, or beginnings such as 02; none means all.")
    ] = None,
    book: Annotated[bool, typer.Option("--book", help="Write chapters of changed lessons to docs/book/.")] = False,
    demo: Annotated[bool, typer.Option("--demo", help="Rehearse the demo; with --book keep its pictures.")] = False,
    no_install: NoInstall = False,
    as_json: AsJson = False,
) -> None:
    """Run the lessons headless, in a workspace and stack of their own, and write them to build/tour/ as HTML."""
    if demo:
        if lessons:
            raise WrongUsage("The demo is no lesson.", "Leave --demo away, or the lessons.")
        desk.rehearse_demo(TOUR_FOLDER / "demo", book=book, may_install=not no_install, as_json=as_json)
        return
    from workshop_kit.lessons.tour import find_lessons  # here, not above: it brings nbconvert
    from workshop_kit.lessons.tour import tour as run_tour

    find_lessons(lessons or (), CHECKOUT / "notebooks")  # a name that is wrong is told before anything is touched
    with provision.fresh_workspace(TOUR_FOLDER / "workspace") as workspace, TerminalReport() as report:
        stack = provision.make_ready(workspace, may_install=not no_install, report=report)
        owned = Desk.of(workspace, lambda: stack)
        reaper.watch(stack.session, provision.UNDO_FAULTS, whole_workspace=provision.lock_path(workspace.folder))
        try:
            results = run_tour(
                workspace,
                lessons,
                report,
                output=TOUR_FOLDER,
                book=BOOK_FOLDER if book else None,
                solutions=checkpoint.solved_cells(owned),
                before_cell=partial(checkpoint.solve_until, owned),
            )
        finally:
            provision.remove_everything(stack.session, {"kernel", "workspace"}, report)
        reaper.stop(stack.session)
    if as_json:
        _print(json.dumps([asdict(result) for result in results], default=str))
    else:
        _print("\n".join(str(result) for result in results))
    if any(result.error for result in results):
        raise typer.Exit(Exit.NOT_GOOD)


command("check")(exercises.check)
command("watch")(exercises.watch)
command("hint")(exercises.hint)
command("solution")(exercises.solution)
command("reset")(exercises.reset)
command("status")(exercises.status)
command("goto")(exercises.goto)
command("update")(exercises.update)
command("desk")(desk.desk)
command("audit")(audit.audit)
app.add_typer(bundle.app, name="bundle")


@command("down")
def down(
    everything: Annotated[bool, typer.Option("--all", help="Also the images this workspace built.")] = False,
    engine: Annotated[bool, typer.Option("--engine", help="Also the engine, if ./workshop installed it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what the workshop made, and only that."""
    workspace = own_workspace(os.environ)
    with TerminalReport() as report:
        session = provision.session_of(workspace, reach.connect())
        scopes: list[Scope] = ["kernel", "workspace"]
        if everything or engine:
            scopes.append("machine")
        outcome = provision.remove_everything(session, scopes, report)
        tours = provision.remove_tours(TOUR_FOLDER, session.engine, scopes, report)
        outcome.removed += tours.removed
        outcome.left += tours.left
        outcome.unreadable += tours.unreadable
        unlisted = cleanup.unlisted(session)
        packages = provision.take_engine_back(session, report) if engine else []
    if as_json:
        left = [{**asdict(entry), "reason": reason} for entry, reason in outcome.left]
        removed = [asdict(entry) for entry in outcome.removed]
        _print(json.dumps({"removed": removed, "left": left, "unlisted": unlisted, "packages": packages}))
    else:
        _say_outcome(outcome, unlisted, packages)
    if outcome.left:
        raise typer.Exit(Exit.NOT_GOOD)


@command("test")
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
    _say(f"Total: {ended - began:.0f} s, {prepared - began:.0f} s of it to prepare the machine.")
    for mark, reason in absent.items():
        _say(f"Not run: the tests marked {mark!r}. {reason}")
    raise typer.Exit(Exit.NOT_GOOD if code else Exit.NOT_READY if absent else Exit.GOOD)


@command("bench")
def bench(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Benchmarks to run; none means all.")] = None,
    no_install: NoInstall = False,
) -> None:
    """Run the benchmarks; ``--json`` gives rows."""
    python = _with_developer_packages(no_install)
    names, options = apart(names or [])
    there = sorted(path.stem for path in (CHECKOUT / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    unknown = sorted(set(names) - set(there))
    if unknown:
        raise WorkshopError(
            f"There is no benchmark {unknown[0]!r}.", f"Choose from: {', '.join(there)}.", exit_code=Exit.WRONG_USAGE
        )
    words = [*options, *context.args, *(["--no-install"] if no_install else [])]
    codes = [
        subprocess.run([python, "-m", f"benchmarks.{name}", *words], cwd=CHECKOUT, check=False).returncode
        for name in names or there
    ]
    raise typer.Exit(Exit.GOOD if not any(codes) else Exit.NOT_GOOD)


@command("build")
def build() -> None:
    """Regenerate the exercises from solutions/, docs/audit.md, the help before set-up, and the lock files."""
    from workshop_kit.dev import audit_page  # here, not above: other commands need not wait for it

    for path in generator.build(CHECKOUT):
        _say(f"written: {path}")
    for path in (*audit_page.write(CHECKOUT), *help_pages.write(CHECKOUT, app)):
        _say(f"written: {path}")
    for path in locks.compile_all(CHECKOUT):
        _say(f"written: {path.relative_to(CHECKOUT)}")


def apart(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names, and options that are somebody else's to understand.

    >>> apart(["logs", "--json"])
    (['logs'], ['--json'])
    """
    return [one for one in words if not one.startswith("-")], [one for one in words if one.startswith("-")]


def _with_developer_packages(no_install: bool) -> Path:
    if not (CHECKOUT / ".venv").exists():  # conda: the environment is the user's, and theirs to add to
        return Path(sys.executable)
    return python_env.ensure(CHECKOUT, developer=True, install=not no_install)


def _why_no_engine(*, may_install: bool, report: Report) -> NotReady | None:
    """Why no engine can be had on this machine; None when one answers, if need be installed and started just now."""
    try:
        install.ensure(install=may_install, report=report)
    except NotReady as error:
        if isinstance(error, reach.NoPermission):
            _repeat_as_group_member()
        return error
    return None


def _absent_for_tests(*, may_install: bool) -> dict[str, str]:
    """Prepare an engine and a browser for the tests; return what cannot be had (mark of the tests → reason)."""
    absent = {}
    with TerminalReport() as report:
        try:
            provision.make_ready(own_workspace(os.environ), may_install=may_install, report=report)
        except NotReady as error:
            if isinstance(error, reach.NoPermission):
                _repeat_as_group_member()
            absent = {mark: str(error) for mark in ("engine", "browser")}
        try:
            browser.ensure(install=may_install, report=report)
        except NotReady as error:
            absent.setdefault("browser", str(error))
    return absent


def _say_outcome(outcome: cleanup.Outcome, unlisted: list[str], packages: list[str]) -> None:
    counts = {kind: sum(entry.kind == kind for entry in outcome.removed) for kind in cleanup.ORDER}
    done = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items() if count)
    _say(f"Removed: {done or 'nothing, there was nothing of this workspace'}.")
    for entry, reason in outcome.left:
        _say(f"Left: {entry.kind} {entry.name} ({reason}). Run ./workshop down again once that is settled.")
    for sentence in outcome.unreadable:
        _say(sentence)
    for thing in unlisted:
        _say(f"Left: {thing} carries our labels but was not made through ./workshop (docker rm it if it is yours).")
    if packages:
        _say(f"Removed the engine we installed: {', '.join(packages)}.")


def _repeat_as_group_member() -> None:
    """Who was just added to Docker's group is let in at the next login; ``sg`` lets this one command in at once."""
    if install.waits_for_login() and shutil.which("sg") and not os.environ.get(REPEATED):
        os.environ[REPEATED] = "1"
        words = shlex.join([str(CHECKOUT / "workshop"), *sys.argv[1:]])
        os.execvp("sg", ["sg", install.GROUP, "-c", words])


def _usage_or_raise(error: Exception) -> NoReturn:
    """Typer's complaints about usage become one sentence; everything else is a bug and shows where it is."""
    show = getattr(error, "format_message", None)
    if show is None:
        raise error
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "./workshop")
    _say(f"{show().rstrip('.')}. Run {path} --help for what it takes.")
    sys.exit(Exit.WRONG_USAGE)


def _complain(error: WorkshopError) -> None:
    for text in (error.output, str(error)):
        if text:
            _say(text)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
