"""Errors of the engine as one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from workshop_kit.errors import WorkshopError
from workshop_kit.faults.handlers import engine_reason
from workshop_kit.observe.engine_api import EngineUnavailable


@contextlib.contextmanager
def engine_needed() -> Iterator[None]:
    """Raise one sentence instead of the SDK's errors: what the engine refuses, or that it does not answer."""
    try:
        yield
    except APIError as error:
        raise WorkshopError(
            f"The Docker engine refused: {engine_reason(error)}.", "Click again in a moment."
        ) from error
    except (DockerException, RequestException, ConnectionError, TimeoutError) as error:
        raise EngineUnavailable from error
