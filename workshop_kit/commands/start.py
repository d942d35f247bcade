"""The command ``start``. JupyterLab takes seconds to start, so it begins first; the slow imports come meanwhile."""

from __future__ import annotations

from typing import Annotated

import typer

from workshop_kit.commands.options import NoBrowser, NoInstall, Seed
from workshop_kit.engine import docker_group
from workshop_kit.errors import NotReady
from workshop_kit.lessons import lab
from workshop_kit.reporting import Report
from workshop_kit.terminal import say, say_error
from workshop_kit.workspace.course import find_lesson
from workshop_kit.workspace.folder import Workspace, begin_anew, own_folder, own_workspace


def start(
    lesson: Annotated[
        str, typer.Argument(help="The lesson: 02_configuration, or a beginning such as 02.")
    ] = "00_start",
    port: Annotated[
        int | None,
        typer.Option(min=1024, max=65535, help="JupyterLab's port; left out, the workspace's own, or a free one."),
    ] = None,
    no_browser: NoBrowser = False,
    seed: Seed = None,
    no_install: NoInstall = False,
) -> None:
    """Install and build what is missing, then open a lesson; without an engine, open the book."""
    for sentence in begin_anew(own_folder()):
        say(sentence)
    workspace = own_workspace(seed=seed)
    name = find_lesson(lesson, workspace.notebooks)

    def page(report: Report) -> str:
        return _prepare(workspace, name, report, may_install=not no_install)

    lab.serve(workspace, page, port=port, open_browser=not no_browser)


def _prepare(workspace: Workspace, lesson: str, report: Report, *, may_install: bool) -> str:
    """Make the machine ready for a lesson; return the page to open, without an engine one of the book.

    Raises NotReady if something else is missing, or where the command has to run again as a member of Docker's group.
    """
    from workshop_kit import provision
    from workshop_kit.engine import install
    from workshop_kit.workspace import content

    try:
        install.ensure(install=may_install, report=report)
    except NotReady as error:
        if docker_group.can_repeat(error):
            raise
        say_error(error)
        say("Until then you can read the book: the lessons with their outputs.")
        content.copy_book(workspace)
        return content.book_page(lesson)

    stack = provision.make_ready(workspace, may_install=may_install, report=report)
    provision.write_env(stack, report)
    leftovers = provision.sweep(stack.session, report)
    if leftovers.removed:
        say(f"Removed what a killed process left: {leftovers.removed_in_words}.")
    return f"notebooks/{lesson}.ipynb"
