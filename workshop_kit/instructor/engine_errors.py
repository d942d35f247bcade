"""An engine that goes away while the desk is open is one sentence, wherever it is noticed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from docker.errors import DockerException

from workshop_kit.observe.engine_api import EngineUnavailable


@contextlib.contextmanager
def engine_needed() -> Iterator[None]:
    """Raise `EngineUnavailable` for what the SDK raises when nobody answers it; errors of ours pass."""
    try:
        yield
    except (DockerException, OSError) as error:  # what requests raises is an OSError
        raise EngineUnavailable from error
