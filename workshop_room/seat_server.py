"""The server of one seat, JupyterHub's single-user server with the kit's JupyterLab settings; and its image.

A seat is a privileged container with an engine of its own, for people whose laptop has none. Its image is built on the
base image, with the workshop's images in it as a bundle. `deploy/room` has the hub of a room, `deploy/cluster` that of
a cluster.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from workshop_kit.bundle import image_archive
from workshop_kit.bundle.part import version_of
from workshop_kit.engine import images, recipes
from workshop_kit.engine.labels import LOCAL
from workshop_kit.engine.recipes import OCI, Recipe, image_labels
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.workspace import lab_settings
from workshop_kit.workspace.folder import Workspace

RECIPE = Recipe("seat", ".")
"""Its context is the checkout: the kit is in the image."""
DOCKERFILE = CHECKOUT / "images" / "seat" / "Dockerfile"
BUNDLE = CHECKOUT / "build" / "seat" / "bundle"
NEEDED = "JUPYTERHUB_SERVICE_URL"
"""The variable with the address on which a hub wants its server to listen."""


def tag() -> str:
    """Return the image's tag, with the version of the workshop: ``localhost/workshop/seat:1.0.0``."""
    labels = image_labels(CHECKOUT)
    version = labels[f"{OCI}version"]
    return f"{LOCAL}workshop/seat:{version}"


def build(session: Session, report: Report = silent) -> str:
    """Build the image from this checkout and return its tag. The workshop's other images must be built before."""
    tags = recipes.tags(CHECKOUT)
    image_archive.save(session.engine, tags, BUNDLE, version_of(CHECKOUT), report)
    options = (f"--file={DOCKERFILE}", f"--build-context=bundle={BUNDLE}")
    images.build(session, CHECKOUT, RECIPE, {"BASE": tags["base"]}, tag(), report, options)
    report(Step(RECIPE.name, 1.0, done=True))
    return tag()


def require_hub() -> None:
    """Raise WrongUsage outside of a hub's environment."""
    if not os.environ.get(NEEDED):
        raise WrongUsage(
            "`./workshop seat` is the server that a JupyterHub starts in a participant's container.",
            "On your own machine run ./workshop start; for a room read deploy/room/README.md.",
        )


def serve(workspace: Workspace) -> NoReturn:
    """Replace this process by the server of the workspace, which opens the first lesson.

    The hub's variables say where it listens.
    """
    lab_settings.prepare(workspace)
    lab_settings.trust(workspace)

    default_url = f"--ServerApp.default_url={lab_settings.lab_path(lab_settings.START)}"
    command = [
        sys.executable,
        "-P",
        "-m",
        "jupyterhub.singleuser",
        *lab_settings.server_options(workspace),
        default_url,
    ]
    os.chdir(workspace.folder)
    os.execve(command[0], command, lab_settings.server_environment(workspace, token=None))
