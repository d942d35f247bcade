"""JupyterLab's settings, kernel, port and trust, all inside the workspace."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import zlib
from pathlib import Path
from typing import Any

from workshop_kit.files import write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import Workspace

HOST = "127.0.0.1"
KERNEL = "container-design-workshop"
"""The kernel's name. A kernel spec named ``python3`` would be shadowed by the environment's own."""
EXTENSIONS = ("workshop_kit.lessons.error_display", "workshop_kit.lessons.first_cell")
"""The kernel's IPython extensions: a WorkshopError is one sentence, and a first cell shows what it loads."""
# Each workspace has one of these ports; the system gives away higher ones by itself.
FIRST_PORT = 20_000
PORTS = 10_000
# Below a workspace's Jupyter folder: kernels and signatures of notebooks; files of running servers; the log.
DATA = "data"
RUNTIME = "runtime"
LOG = "jupyter.log"
START = "notebooks/00_start.ipynb"
CHART_STYLE = {"figure.facecolor": "none", "axes.facecolor": "none"}
"""What matplotlib takes in a cell: no paper, so that a chart fits a theme that is chosen later. See lab_page.css."""
PAGE_STYLE = Path(__file__).parent / "lab_page.css"
"""The stylesheet that JupyterLab adds to its page."""
PAGE_SCRIPT = Path(__file__).parent / "lab_page.js"
"""The script that JupyterLab adds to its page, as the extension `PAGE_EXTENSION`."""
PAGE_EXTENSION: dict[str, Any] = {
    "name": "container-workshop",
    "version": "1.0.0",
    "jupyterlab": {"extension": True, "_build": {"load": f"static/{PAGE_SCRIPT.name}", "extension": "./extension"}},
}
HUB = "JUPYTERHUB_"
"""The beginning of the names of the variables with which a JupyterHub starts a server."""
SETTINGS: dict[str, Any] = {
    # Markdown opens rendered; "Open With" has the editor.
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # A closed tab ends its kernel, and with it the containers of the lesson.
    "@jupyterlab/notebook-extension:tracker": {"kernelShutdown": True},
}


def lab_path(page: str) -> str:
    """Return the URL path at which JupyterLab opens ``page``, a path in the workspace, beside the tabs of last time."""
    return f"/lab/workspaces/workshop/tree/{page}"


def own_port(folder: Path) -> int:
    """Return the port of the workspace in ``folder``: the same at every start, so that an old tab goes on working.

    An old tab needs its cookie, too: the secret that signs cookies is stored in the workspace.
    """
    return FIRST_PORT + zlib.crc32(os.fsencode(folder.absolute())) % PORTS


def prepare(workspace: Workspace) -> None:
    """Write JupyterLab's settings, the stylesheet and the script of its page, and the kernel spec.

    Choices that were made in JupyterLab (theme, open tabs) stay. Raises NotReady.
    """
    install_kernel(workspace)
    config = workspace.jupyter_folder / "config"
    _write_json(config / "labconfig" / "default_setting_overrides.json", SETTINGS)
    write_atomically(config / "custom" / "custom.css", PAGE_STYLE.read_bytes())
    extension = workspace.jupyter_folder / DATA / "labextensions" / PAGE_EXTENSION["name"]
    _write_json(extension / "package.json", PAGE_EXTENSION)
    write_atomically(extension / "static" / PAGE_SCRIPT.name, PAGE_SCRIPT.read_bytes())
    workspace.jupyter_folder.chmod(0o700)  # tokens and keys lie in there


def install_kernel(workspace: Workspace) -> Path:
    """Write a kernel spec for this interpreter with the kit on its path; return the folder of kernel specs."""
    kernels = workspace.jupyter_folder / DATA / "kernels"
    launcher = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    options = [f"--IPKernelApp.extra_extensions={extension}" for extension in EXTENSIONS]
    options.append(f"--InlineBackend.rc={CHART_STYLE}")
    environment = {
        "PYTHONPATH": str(CHECKOUT),
        "WORKSHOP_WORKSPACE": str(workspace.folder),
        # The history stays in the workspace, and the user's own start-up files are not loaded.
        "IPYTHONDIR": str(workspace.jupyter_folder / "ipython"),
    }
    spec = {
        "argv": [*launcher, *options],
        "display_name": "Container Design Workshop",
        "language": "python",
        "env": environment,
        "metadata": {"debugger": True, "supported_encryption": ["curve"]},  # as in ipykernel's own spec
        "kernel_protocol_version": "5.5",
    }
    _write_json(kernels / KERNEL / "kernel.json", spec)
    return kernels


def trust(workspace: Workspace) -> None:
    """Sign the notebooks, so that JupyterLab runs the buttons in their text; a damaged notebook is skipped.

    Call it while the server starts: it imports nbformat, which is slow.
    """
    import nbformat
    from nbformat.sign import NotebookNotary

    data = workspace.jupyter_folder / DATA
    data.mkdir(parents=True, exist_ok=True)  # JupyterLab may not have run here yet
    notary = NotebookNotary(data_dir=str(data))  # type: ignore[no-untyped-call]
    for path in sorted(workspace.notebooks.glob("*.ipynb")):
        with contextlib.suppress(ValueError, nbformat.ValidationError, RecursionError):
            notary.sign(nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]


def server_options(workspace: Workspace) -> list[str]:
    """Return the server's options that are the same on a laptop and on a seat; address and port are not among them."""
    return [
        f"--ServerApp.root_dir={workspace.folder}",
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",  # the default one asks a package index
        "--LabApp.custom_css=True",  # charts in a dark theme
        "--LabApp.expose_app_in_browser=True",  # an exercise opens its file in the main area
        "--LanguageServerManager.autodetect=False",  # it would run npm, which writes into the user's home
        "--ContentsManager.allow_hidden=True",  # my_service has a .dockerignore to edit
        f"--ServerApp.allow_root={os.geteuid() == 0}",
        f"--KernelSpecManager.allowed_kernelspecs={KERNEL}",
        f"--MultiKernelManager.default_kernel_name={KERNEL}",
    ]


def server_environment(workspace: Workspace, token: str | None) -> dict[str, str]:
    """Return the environment of the server, with the programs of the kit's packages on PATH for its terminals.

    The token is in it, since all users can see the arguments of a process. A server of a JupyterHub has no ``token``,
    and keeps the Hub's variables: these say where it listens and who may use it.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    environment.pop("WORKSHOP_HEADLESS", None)
    programs = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([programs, environment.get("PATH", os.defpath)])

    if token is None:
        access = {name: value for name, value in os.environ.items() if name.startswith(HUB)}
    else:
        access = {"JUPYTER_TOKEN": token}

    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": DATA,
        "JUPYTER_RUNTIME_DIR": RUNTIME,
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "layouts",  # the open tabs
    }
    paths = {name: str(workspace.jupyter_folder / folder) for name, folder in folders.items()}
    return {**environment, **paths, **access}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=2).encode())
