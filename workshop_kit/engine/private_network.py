"""A network that leads nowhere, for containers that may reach each other and nothing else."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

from docker.errors import APIError

from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError


@contextlib.contextmanager
def private_network(session: Session) -> Iterator[str]:
    """An internal network, labeled and in the ledger; removed at the end. Yields its name."""
    name = f"workshop-private-{secrets.token_hex(4)}"
    client = session.engine.client
    try:
        with session.making("network", "kernel") as making:
            made = client.networks.create(name, labels=making.labels, internal=True, check_duplicate=True)
            making.id, making.name = made.id, name
    except APIError as refused:
        raise WorkshopError(
            f"The engine refused to make a network: {refused.explanation}.", "Run ./workshop down."
        ) from refused
    try:
        yield name
    finally:
        with contextlib.suppress(APIError):
            made.remove()
            session.ledger.strike(*(entry for entry in session.ledger.entries() if entry.id == made.id))
