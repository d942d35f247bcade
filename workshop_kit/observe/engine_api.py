"""Requests to the engine's API that the SDK has no method for: answers in JSON, and logs and events as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import requests
import urllib3
from docker.errors import APIError, NotFound

from workshop_kit.engine.reach import Engine
from workshop_kit.errors import NotReady, WorkshopError, WrongUsage
from workshop_kit.patience import patient
from workshop_kit.untrusted_text import visible

TIMEOUT_SECONDS = 5.0
CHUNK_TIMEOUT_SECONDS = 60.0
CHUNK_BYTES = 64 * 1024


class ContainerGone(WorkshopError):
    """The engine has no such container (any more)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The container {name} is gone.", "Run the cell that starts it again.")


class EngineUnavailable(NotReady):
    """The engine does not answer."""

    def __init__(self) -> None:
        super().__init__("The Docker engine does not answer.", "Start it again, or run ./workshop doctor.")


class EngineRefused(WorkshopError):
    """The engine answered with an error."""


def container_of(value: Any) -> Any:
    """Return the SDK's container: the object itself, or the one in a `Running`. Raises WrongUsage for other types."""
    container = getattr(value, "container", value)
    if not hasattr(container, "reload"):
        subject = f"'{visible(value, 60)}'" if isinstance(value, str) else "What was given"
        raise WrongUsage(
            f"{subject} is of type {type(value).__name__}, and only a container has a log.",
            'Give a container of w.client, or w.stack.container("service").',
        )
    return container


def get_json(engine: Engine, path: str) -> Any:
    """GET a path (with its query, without the API version) and parse the answer.

    Raises EngineUnavailable, ContainerGone or EngineRefused.
    """
    return _get(engine.client.api, path, timeout=patient(TIMEOUT_SECONDS)).json()


def chunks(api: Any, path: str, params: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield an answer of any size until its end. Raises EngineUnavailable, ContainerGone or EngineRefused."""
    limits = (patient(TIMEOUT_SECONDS), patient(CHUNK_TIMEOUT_SECONDS))
    with _get(api, path, params=params, stream=True, timeout=limits) as response:
        try:
            yield from response.raw.stream(CHUNK_BYTES)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise EngineUnavailable from error


def _get(api: Any, path: str, **options: Any) -> requests.Response:
    """GET a path of the engine's API. Raises EngineUnavailable, ContainerGone or EngineRefused."""
    try:
        response: requests.Response = api.get(f"{api.base_url}/v{api.api_version}{path}", **options)
        api._raise_for_status(response)
    except NotFound as error:
        raise ContainerGone(path.removeprefix("/containers/")[:12]) from error
    except APIError as error:
        reason = error.explanation.strip().rstrip(".")
        sentence = f"The engine refused with {error.status_code}: {reason}."
        raise EngineRefused(sentence, "Run ./workshop doctor.") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise EngineUnavailable from error
    return response
