"""The leak hunt of lesson 02: every surface of a container and its image on which a secret shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from workshop_kit.engine.reach import Engine
from workshop_kit.observe import leaks

EXPLAINED = {
    "image inspect": "docker image inspect: settings and labels of the image",
    "image history": "docker history: the instructions that made the image",
    "image layers": "docker save: every file of every layer, deleted ones too",
    "inspect": "docker inspect: what the container was started with",
    "log": "docker logs: what it has written",
    "processes": "docker top: command lines, as the host sees them",
    "/proc/*/environ": "the environment of its processes, read inside",
    "/proc/*/cmdline": "the arguments of its processes, read inside",
    "open pipes": "what waits in a pipe of process 1",
    "writable layer": "files that it has added or changed",
    "mounted files": "files of volumes and folders that are mounted into it",
    "a child process": "env, as any program that it starts would see it",
}
"""Each surface with a description and the command that shows it."""
ENCODED = {
    "plain": "as it is",
    "base64": "in base64",
    "URL": "URL-encoded",
    "hex": "in hexadecimal",
    "reversed": "reversed",
}


def hunt(engine: Engine, secret: str, container: Any) -> pd.DataFrame:
    """Return a row for each surface: ``found`` (the encoding, "–" for not found) and ``what it is``.

    Six characters of the secret count as found. ``container`` is a running container of the Docker SDK.
    """
    places = [
        *leaks.image_surfaces(engine, container.attrs["Image"]),
        *(surface for surface in leaks.container_surfaces(container) if surface.name in EXPLAINED),
        leaks.Surface("mounted files", container.name, lambda: _mounted(container)),
        leaks.Surface.of("a child process", container.name, bytes(container.exec_run("env").output)),
    ]
    seen = leaks.hunt(secret, places)
    found = [", ".join(ENCODED[one] for one in text.split(", ") if one) or "–" for text in seen["encoding"]]
    what = [EXPLAINED[surface] for surface in seen["surface"]]
    return pd.DataFrame({"found": found, "what it is": what}, index=pd.Index(seen["surface"], name="surface"))


def _mounted(container: Any) -> Iterator[bytes]:
    container.reload()
    for mount in container.attrs["Mounts"]:
        pieces, _ = container.get_archive(mount["Destination"])
        yield from pieces
