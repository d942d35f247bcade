"""The port of a workspace's JupyterLab, stored for the next start (standard library only).

Open tabs go on working after a restart on the same port: the server stores the secret that signs cookies in its
runtime folder.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"


def port_file(jupyter_folder: Path) -> Path:
    """Return the path of the file with the port of the last start."""
    return jupyter_folder / "port"


def last_port(jupyter_folder: Path) -> int | None:
    """Return the port of the last start; None before the first, or if the file holds no port."""
    with contextlib.suppress(OSError, ValueError):
        port = int(port_file(jupyter_folder).read_text(encoding="ascii"))
        return port if 0 < port < 65536 else None
    return None


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def jupyter_folder(root: Path, environment: Mapping[str, str]) -> Path:
    """Return the folder of JupyterLab's files in the command line's workspace, without creating it."""
    return Path(environment.get("WORKSHOP_WORKSPACE") or root / "workspace") / ".workshop" / "jupyter"
