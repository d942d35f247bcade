"""Create networks, volumes and images, with labels and in the ledger; containers are in `containers`."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from docker.errors import APIError

from workshop_kit.engine import builder, shell
from workshop_kit.engine.labels import Scope
from workshop_kit.engine.ledger import volume_id
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError


def network(session: Session, name: str, *, scope: Scope = "kernel") -> str:
    """Create a network; return the engine's id. Raises docker's APIError if the engine refuses."""
    created = session.engine.client.networks.create(name, labels=session.labels(scope))
    session.record("network", created.id, name, scope)
    return str(created.id)


@contextlib.contextmanager
def private_network(session: Session) -> Iterator[str]:
    """Create a network that leads nowhere, and yield its name; it is removed at the end of the block."""
    name = f"workshop-private-{secrets.token_hex(4)}"
    client = session.engine.client
    try:
        created = client.networks.create(name, labels=session.labels("kernel"), internal=True, check_duplicate=True)
    except APIError as refused:
        raise WorkshopError(
            f"The engine refused to make a network: {refused.explanation}.", "Run ./workshop down."
        ) from refused
    session.record("network", created.id, name, "kernel")
    try:
        yield name
    finally:
        with contextlib.suppress(APIError):
            created.remove()
            session.ledger.remove_id(created.id)


def volume(session: Session, name: str, *, scope: Scope = "kernel") -> str:
    """Create a volume; return its name. Raises docker's APIError if the engine refuses."""
    created = session.engine.client.volumes.create(name, labels=session.labels(scope))
    session.record("volume", volume_id(created), created.name, scope)
    return str(created.name)


def image(
    session: Session,
    folder: Path,
    tag: str,
    *words: str,
    scope: Scope = "kernel",
    on_line: Callable[[str], None] = lambda _line: None,
) -> str:
    """Build the Dockerfile of a folder under a tag; return the image's id.

    ``words`` go to ``docker buildx build``. Raises WorkshopError with the builder's last lines.
    """
    shell.run(
        [*builder.command(tag, session.labels(scope)), *words, folder],
        failed=f"The image {tag!r} could not be built.",
        next_step="Read the builder's last lines above, correct the Dockerfile, then run the cell again.",
        on_line=on_line,
        error=WorkshopError,
    )
    identifier = str(session.engine.client.images.get(tag).id)
    session.record("image", identifier, tag, scope)
    return identifier
