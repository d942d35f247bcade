"""The server of one seat: JupyterHub's single-user server with the kit's JupyterLab settings."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from workshop_kit.errors import NotReady, WrongUsage
from workshop_kit.workspace import lab_settings
from workshop_kit.workspace.folder import Workspace

NEEDED = "JUPYTERHUB_SERVICE_URL"
"""The variable with the address on which a hub wants its server to listen."""
PACKAGE = "jupyterhub"


def require_hub(environment: Mapping[str, str] = os.environ) -> None:
    """Raise WrongUsage outside of a hub's environment, and NotReady where the server is not installed."""
    if not environment.get(NEEDED):
        raise WrongUsage(
            "`./workshop seat` is the server that a JupyterHub starts in a participant's container.",
            "On your own machine run ./workshop start; for a room read deploy/room/README.md.",
        )
    if importlib.util.find_spec(PACKAGE) is None:
        raise NotReady(f"The Python package {PACKAGE} is not installed.", "Build the image: ./workshop seat --build.")


def command(workspace: Workspace) -> list[str]:
    """Return the command of the server; it opens the first lesson. The hub's variables say where it listens."""
    page = lab_settings.lesson_page("00_start")
    first = f"/lab/workspaces/{page.layout}/tree/{page.path}"
    options = [*lab_settings.server_options(workspace), f"--ServerApp.default_url={first}"]
    return [sys.executable, "-P", "-m", "jupyterhub.singleuser", *options]


def serve(workspace: Workspace) -> NoReturn:
    """Replace this process by the server of the workspace."""
    folders = lab_settings.prepare(workspace)
    lab_settings.trust(workspace)
    words = command(workspace)
    os.chdir(workspace.folder)
    os.execve(words[0], words, lab_settings.server_environment(folders, token=None))
