"""The specification of a container, as data; ports are published on this machine alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from docker.types import LogConfig

from workshop_kit.engine.labels import COMPOSE_SERVICE, SERVICE

HERE = "127.0.0.1"
MIB = 1024 * 1024
SECRETS_FOLDER = "/run/secrets"
"""The folder in a container that holds its secret files, as with docker compose."""


@dataclass(frozen=True)
class Spec:
    """The specification of a container; the defaults are hardened as the lessons recommend.

    ``cpus`` is in cores, ``memory_bytes`` in bytes (swap is not added to it); ``ports`` are container ports that get
    a free port on 127.0.0.1; ``volumes`` are folders that become anonymous volumes, filled from the image; ``files``
    maps absolute paths to text or bytes copied into the container before it starts, which needs a volume there where
    ``read_only`` is on; ``host`` has further keys of the engine's ``HostConfig``, which win over the rest.
    """

    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None  # None: the image's
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    network: str | None = None
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    files: Mapping[str, str | bytes] = field(default_factory=dict, repr=False)
    tmpfs: Mapping[str, str] = field(default_factory=lambda: {"/tmp": "size=16m,mode=1777"})  # noqa: S108
    read_only: bool = True
    memory_bytes: int | None = 256 * MIB
    cpus: float | None = 1.0
    pids: int | None = 100
    cap_drop: tuple[str, ...] = ("ALL",)
    security_opt: tuple[str, ...] = ("no-new-privileges:true",)
    dns_options: tuple[str, ...] = ()
    user: str | None = None  # None: the image's
    stop_timeout_seconds: int | None = None  # from SIGTERM to SIGKILL; None: the engine's 10
    labels: Mapping[str, str] = field(default_factory=dict)  # beside the kit's own, which win
    healthcheck: Mapping[str, Any] | None = None  # with the engine's keys, times in nanoseconds; None: the image's
    host: Mapping[str, Any] = field(default_factory=dict)


def service_in(labels: Mapping[str, str] | None) -> str | None:
    """Return the service that a container is, by compose's label or the kit's; None without one."""
    labels = labels or {}
    return labels.get(COMPOSE_SERVICE) or labels.get(SERVICE)


def container_config(api: Any, spec: Spec, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the spec as the body of the engine's request to create a container."""
    host_config = api.create_host_config(
        port_bindings=dict.fromkeys(spec.ports, (HERE, None)),
        tmpfs=dict(spec.tmpfs),
        read_only=spec.read_only,
        mem_limit=spec.memory_bytes,
        memswap_limit=spec.memory_bytes,
        nano_cpus=int(spec.cpus * 1e9) if spec.cpus else None,
        pids_limit=spec.pids,
        cap_drop=list(spec.cap_drop),
        security_opt=list(spec.security_opt),
        network_mode=spec.network,
        dns_opt=list(spec.dns_options),
        log_config=LogConfig(type="json-file", config={"max-size": "50m", "max-file": "5"}),
    )
    config: dict[str, Any] = api.create_container_config(
        image=spec.image,
        command=list(spec.command) if spec.command else None,
        entrypoint=list(spec.entrypoint) if spec.entrypoint else None,
        environment=dict(spec.environment),
        ports=list(spec.ports),
        volumes=list(spec.volumes),
        user=spec.user,
        stop_timeout=spec.stop_timeout_seconds,
        host_config=host_config,
        labels={**spec.labels, **labels},
    )
    config["HostConfig"].update(spec.host)
    if spec.healthcheck is not None:
        config["Healthcheck"] = dict(spec.healthcheck)  # the SDK's own argument drops StartInterval
    return config


def on_this_machine(ports: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the SDK's ``ports``, with 127.0.0.1 wherever no address was given.

    >>> on_this_machine({"8080/tcp": None, 9090: 9090, 53: ("0.0.0.0", 5353)})
    {'8080/tcp': ('127.0.0.1', None), 9090: ('127.0.0.1', 9090), 53: ('0.0.0.0', 5353)}
    """
    return {
        port: [_bound(one) for one in binding] if isinstance(binding, list) else _bound(binding)
        for port, binding in ports.items()
    }


def _bound(binding: Any) -> Any:
    if isinstance(binding, dict):
        return {"HostIp": HERE, **binding}
    if isinstance(binding, tuple):
        return (HERE, *binding) if len(binding) == 1 and not isinstance(binding[0], str) else binding
    return (HERE, binding)
