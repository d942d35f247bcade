"""The commands for the machine: ``setup``, ``start``, ``down``, ``bundle save`` and ``bundle load``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workshop_kit import provision
from workshop_kit.bundle import image_archive, wheels
from workshop_kit.bundle.part import MB, find, parts, require_same, verify, version_of
from workshop_kit.commands import doctor
from workshop_kit.commands.options import AsJson, NoInstall
from workshop_kit.engine import cleanup, features, reach
from workshop_kit.engine.labels import Scope
from workshop_kit.engine.recipes import tags
from workshop_kit.errors import Exit
from workshop_kit.paths import CHECKOUT, TOURS
from workshop_kit.reporting import Step
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace.folder import own_workspace

OTHER_ENGINE = "Save a bundle on a machine whose engine is {}, into the same folder if you like."
bundle = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Folder = Annotated[Path, typer.Argument(help="The folder of the bundle: on a USB stick, or on a share.")]


def setup(no_install: NoInstall = False) -> None:
    """Install and build what is missing."""
    with TerminalReport() as report:
        stack = provision.make_ready(own_workspace(), may_install=not no_install, report=report)
        provision.write_env(stack, report)
        report(Step("Docker engine", detail="trying limits, health checks, statistics and logs"))
        feature_results = features.examine(stack.session, tags(CHECKOUT)["base"], stack.folder)

    say(doctor.as_text([doctor.feature_line(feature) for feature in feature_results]))
    say(f"Ready: {stack.session.engine.name}, all images, and a container that ran. Next: ./workshop start")


def down(
    everything: Annotated[bool, typer.Option("--all", help="Also the images this workspace built.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what the workshop made, and nothing else."""
    workspace = own_workspace()
    with TerminalReport() as report:
        session = provision.session_of(workspace, reach.connect())
        scopes: list[Scope] = ["kernel", "workspace"]
        if everything:
            scopes.append("machine")
        outcome = provision.remove_everything(session, scopes, report)
        provision.remove_tours(TOURS, session.engine, scopes, outcome, report)

    if as_json:
        answer(_outcome_as_json(outcome))
    else:
        _say_outcome(outcome)
    if outcome.left:
        raise typer.Exit(Exit.NOT_GOOD)


@bundle.command("save")
def save(folder: Folder) -> None:
    """Write what set-up fetches and builds into a folder; parts of other kinds of machines stay in it."""
    workspace = own_workspace()
    with TerminalReport() as report:
        stack = provision.make_ready(workspace, may_install=False, report=report)
        version = version_of(CHECKOUT)
        wheels.save(CHECKOUT, folder, version, report)
        image_archive.save(stack.session.engine, tags(CHECKOUT), folder, version, report)

    saved_parts = parts(folder)
    for part in saved_parts:
        say(str(part))
    megabytes = sum(part.size_bytes for part in saved_parts) / MB
    say(f"Saved ({version}): {megabytes:.0f} MB in all in {folder}.")
    say("On the other machine: ./workshop bundle load FOLDER")


@bundle.command("load")
def load_bundle(folder: Folder) -> None:
    """Make this machine ready from a folder, without a network. Needs Python and a Docker engine, and nothing else."""
    bundle_parts = parts(folder)
    engine = reach.connect()
    part = find(bundle_parts, "images", engine.architecture, OTHER_ENGINE.format(engine.architecture))
    require_same(part, CHECKOUT)
    verify(part)

    workspace = own_workspace()
    with TerminalReport() as report:
        loaded_images = image_archive.load(engine, part, report)
        stack = provision.make_ready(workspace, may_install=False, report=report)
        provision.write_env(stack, report)

    images_text = "all images were here already"
    if loaded_images:
        images_text = f"{len(loaded_images)} images came from the bundle"
    say(f"Ready: {images_text}, and a container ran. Next: ./workshop start")


def _outcome_as_json(outcome: cleanup.CleanupResult) -> str:
    """Return what ``down`` has removed and what is left as a JSON document."""
    left_objects = [{**asdict(resource), "reason": reason} for resource, reason in outcome.left]
    removed_objects = [asdict(resource) for resource in outcome.removed]
    return json.dumps({"removed": removed_objects, "left": left_objects})


def _say_outcome(outcome: cleanup.CleanupResult) -> None:
    """Say what ``down`` has removed and what is left."""
    removed_objects = outcome.removed_in_words or "nothing, there was nothing of this workspace"
    say(f"Removed: {removed_objects}.")

    for resource, reason in outcome.left:
        say(f"Left: {resource.kind} {resource.name} ({reason}). Run ./workshop down again once that is settled.")
