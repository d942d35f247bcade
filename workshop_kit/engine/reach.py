"""Connect to the Docker engine that the ``docker`` command would use; explain in one sentence why that fails."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.context import ContextAPI
from docker.errors import APIError, DockerException

from workshop_kit.engine.dialect import DEFAULT_SOCKET, Dialect, dialect_of
from workshop_kit.errors import NoPermission, NotReady
from workshop_kit.paths import clone_command
from workshop_kit.patience import patient

OTHER_SOCKETS = {
    ".docker/run/docker.sock": "desktop-linux",
    ".docker/desktop/docker.sock": "desktop-linux",
    ".colima/default/docker.sock": "colima",
    ".config/colima/default/docker.sock": "colima",
    ".orbstack/run/docker.sock": "orbstack",
    ".rd/docker.sock": "rancher-desktop",
}
"""The sockets of other engines below the home folder, and the contexts that they bring.

Rancher Desktop's comes last: it also exists when Rancher Desktop runs containerd, which does not answer on it.
"""
_CONTEXT_ADVICE = "Run `docker context ls`, then `docker context use NAME` with one that exists."
_START_ADVICE = (
    "Start Docker (its application, `colima start`, `sudo systemctl start docker`), "
    f"or let {clone_command('setup')} do it."
)
NO_CGROUP = "it gives its containers no cgroup, in which it could pause or limit them"


@dataclass(frozen=True)
class Endpoint:
    """The engine's address, and why this one was chosen."""

    address: str
    why: str


@dataclass(frozen=True)
class Engine:
    """A reachable engine: the SDK's client, the engine's address and its ``docker version``."""

    client: Any
    endpoint: Endpoint
    version: Mapping[str, Any]

    @property
    def architecture(self) -> str:
        """The engine's architecture as Docker names it: ``amd64``, ``arm64`` …"""
        return str(self.version["Arch"])

    @property
    def dialect(self) -> Dialect:
        """What differs from other engines."""
        return dialect_of(self.version, self.endpoint.address)

    @property
    def name(self) -> str:
        """The product with its version, such as ``Docker 28.0.4``."""
        return f"{self.dialect.product} {self.version['Version']}"


def endpoint(environment: Mapping[str, str] = os.environ) -> Endpoint:
    """Return the engine's address as the docker command finds it: DOCKER_HOST, DOCKER_CONTEXT, the current context.

    Raises NotReady for a context that does not exist or cannot be read.
    """
    if host := environment.get("DOCKER_HOST"):
        return Endpoint(host, "DOCKER_HOST is set")

    try:
        params = ContextAPI.kwargs_from_context(environment=dict(environment))
    except DockerException as error:
        raise NotReady(f"The Docker context cannot be read: {error}.", _CONTEXT_ADVICE) from error

    default_address = f"unix://{DEFAULT_SOCKET}"
    address = params.get("base_url") or default_address
    address = address.replace("http+unix://", "unix://")
    if name := environment.get("DOCKER_CONTEXT"):
        if ContextAPI.get_context(name) is None:
            raise NotReady(f"DOCKER_CONTEXT names the context {name!r}, which does not exist.", _CONTEXT_ADVICE)
        return Endpoint(address, f"DOCKER_CONTEXT names the context {name!r}")

    if address == default_address:
        return Endpoint(address, "it is Docker's default socket")
    return Endpoint(address, "it is the docker command's current context")


def connect(environment: Mapping[str, str] = os.environ, timeout_seconds: float = 60) -> Engine:
    """Connect to the engine and read its version.

    Raises NotReady with the reason and the next step: no socket, no permission, nothing listening, no answer.
    """
    engine_endpoint = endpoint(environment)
    timeout = patient(timeout_seconds)
    try:
        client = docker.from_env(environment=dict(environment), timeout=timeout, max_pool_size=10, use_ssh_client=True)
        return Engine(client, engine_endpoint, client.version())
    except Exception as error:  # requests, urllib3 and paramiko raise errors of their own through the SDK
        raise unreachable(engine_endpoint, error) from error


def unreachable(engine_endpoint: Endpoint, error: Exception) -> NotReady:
    """Return the error for an engine that did not answer, from the text of the SDK's error."""
    reason = " ".join(str(error).split())
    place = f"{engine_endpoint.address} ({engine_endpoint.why})"
    if "FileNotFoundError" in reason:
        return NotReady(f"No Docker engine: there is no socket at {place}.", other_engine() or _START_ADVICE)
    if "PermissionError" in reason:
        return NoPermission(
            f"You may not use the Docker socket at {place}.",
            'Run `sudo usermod -aG docker "$USER"`, log in again, and repeat the command.',
        )
    if "ConnectionRefusedError" in reason or "Connection refused" in reason:
        return NotReady(f"The Docker engine at {place} is stopped: nothing answers on its socket.", _START_ADVICE)
    if "timed out" in reason:
        return NotReady(f"The Docker engine at {place} does not answer in time.", "Restart it, then try again.")

    short_reason = reason[:200].rstrip(".")
    return NotReady(f"The Docker engine at {place} cannot be used: {short_reason}.", f"Run {clone_command('doctor')}.")


def other_engine() -> str:
    """Return the advice to choose another engine, if the socket of one is in the home folder; else ""."""
    for path, context in OTHER_SOCKETS.items():
        if Path.home().joinpath(path).is_socket():
            return f"Run `docker context use {context}`: its socket is there."
    return ""


def engine_reason(error: APIError) -> str:
    """Return the engine's reason in one line, without a container's id and without a full stop.

    >>> engine_reason(APIError(f"Cannot update container {64 * 'f'}: runc: exit status 1: busy\\n: unknown"))
    'busy'
    >>> engine_reason(APIError("runc create failed: failed to write to memory.limit_in_bytes: busy"))
    'the memory limit is lower than what it needs'
    """
    first_line = str(error.explanation or error).strip().partition("\n")[0]
    if re.search("cgroups not configured|could not join or create cgroup", first_line):
        return NO_CGROUP
    if re.search(r"memory\.(limit|max)|OOM.killed", first_line, re.IGNORECASE):
        return "the memory limit is lower than what it needs"

    line_without_id = re.sub(r"\b[0-9a-f]{64}\b", "", first_line)
    reason = line_without_id.rpartition("exit status 1: ")[2]
    return reason.strip(" .:")
