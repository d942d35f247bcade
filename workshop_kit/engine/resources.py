"""Make networks, volumes and images so that none gets lost, whenever the maker dies; containers are in `containers`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

from workshop_kit.engine import builder, shell
from workshop_kit.engine.labels import Scope
from workshop_kit.engine.session import NONCE, Session
from workshop_kit.engine.stack import volume_id
from workshop_kit.errors import WorkshopError


def network(session: Session, name: str, *, scope: Scope = "kernel") -> str:
    """Make a network of ours; return the engine's id. Raises docker's APIError if the engine refuses."""
    with session.making("network", scope) as making:
        made = session.engine.client.networks.create(name, labels=making.labels)
        making.id, making.name = made.id, name
    return making.id


def volume(session: Session, name: str, *, scope: Scope = "kernel") -> str:
    """Make a volume of ours; return its name. Raises docker's APIError if the engine refuses."""
    with session.making("volume", scope) as making:
        made = session.engine.client.volumes.create(name, labels=making.labels)
        making.id, making.name = volume_id(made), made.name
    return making.name


def image(
    session: Session,
    folder: Path,
    tag: str,
    *words: str,
    scope: Scope = "kernel",
    on_line: Callable[[str], None] = lambda _line: None,
) -> str:
    """Build the Dockerfile of a folder under a tag; return the image's id.

    ``words`` go to ``docker buildx build``. The image carries the announcement's word; so does the builder's command
    line, by which `stop_builds` finds a builder whose kernel has died. Raises WorkshopError with the last lines.
    """
    with session.making("image", scope) as making:
        shell.run(
            [*builder.command(tag, making.labels), *words, folder],
            failed=f"The image {tag!r} could not be built.",
            next_step="Read the builder's last lines above, mend the Dockerfile, then run the cell again.",
            on_line=on_line,
            error=WorkshopError,
        )
        making.id, making.name = session.engine.client.images.get(tag).id, tag
    return making.id


def stop_builds(nonce: str) -> None:
    """End the builder that outlived its maker: it is a program of its own, and would bring the image all the same."""
    word = f"{NONCE}={nonce}"
    for process in psutil.process_iter(["cmdline"]):
        if word in (process.info["cmdline"] or ()):
            try:
                process.kill()
            except psutil.Error:  # it has ended by itself, or belongs to somebody else
                continue
