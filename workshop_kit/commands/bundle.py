"""``bundle save`` and ``bundle load``: carry set-up's downloads to machines without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workshop_kit.bootstrap import command_table
from workshop_kit.bundle import images, load, wheels
from workshop_kit.bundle.manifest import MB, megabytes, parts, verify, version_of
from workshop_kit.commands.common import open_workspace
from workshop_kit.engine import reach
from workshop_kit.engine.recipes import tags
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import TerminalReport, say
from workshop_kit.workspace import provision

MOST_BYTES = 900 * MB
"""The largest bundle for one kind of machine: it fits on a small USB stick."""

known = command_table.find("bundle")
app = typer.Typer(help=known.summary if known else "", no_args_is_help=True, rich_markup_mode=None)
Folder = Annotated[Path, typer.Argument(help="The folder of the bundle: on a USB stick, or on a share.")]


@app.command("save")
def save(folder: Folder) -> None:
    """Write what set-up fetches and builds into a folder; parts of other kinds of machines stay in it."""
    workspace = open_workspace()
    with TerminalReport() as report:
        stack = provision.make_ready(workspace, may_install=False, report=report)
        own = version_of(CHECKOUT)
        made = [
            wheels.save(CHECKOUT, folder, own, report),
            images.save(stack.session.engine, tags(CHECKOUT), folder, own, report),
        ]
    for part in made:
        say(f"{part.folder.name}: {len(part.files)} files, {megabytes(part.size_bytes)}")
    everything = sum(part.size_bytes for part in parts(folder))
    say(f"Saved ({own}): {megabytes(everything)} in all in {folder}. There: ./workshop bundle load FOLDER")


@app.command("load")
def load_bundle(folder: Folder) -> None:
    """Make this machine ready from a folder, without a network. Needs Python and a Docker engine, and nothing else."""
    found = parts(folder)
    engine = reach.connect()
    part = load.choose_images(CHECKOUT, found, engine.architecture)
    workspace = open_workspace()
    with TerminalReport() as report:
        verify(part, report)
        new = images.load(provision.session_of(workspace, engine), part, report)
        stack = provision.make_ready(workspace, may_install=False, report=report)
        provision.write_env(stack, report)
    many = f"{len(new)} images came from the bundle" if new else "all images were here already"
    say(f"Ready: {many}, and a container ran. Next: ./workshop start")
