"""The platforms that people have: the product that runs the engine, and this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workshop_kit.engine.dialect import has_containerd_store, is_rootless
from workshop_kit.engine.reach import Engine
from workshop_kit.host import Machine

DOCKER = "Docker Engine"
PODMAN = "Podman"


@dataclass(frozen=True)
class Product:
    """A product that runs Docker's engine in a virtual machine, and how its engine is recognized.

    ``host`` is the name in the engine's ``docker info``, ``system`` the beginning of the operating system there, and
    ``socket`` a folder in the engine's address. One of the three is enough.
    """

    name: str
    host: str
    socket: str
    system: str | None = None


PRODUCTS = (
    Product("Docker Desktop", host="docker-desktop", socket="/.docker/", system="Docker Desktop"),
    Product("OrbStack", host="orbstack", socket="/.orbstack/", system="OrbStack"),
    Product("Rancher Desktop", host="lima-rancher-desktop", socket="/.rd/", system="Rancher Desktop"),
    Product("Colima", host="colima", socket="colima/"),  # its system is Ubuntu; profiles are colima-NAME
)


@dataclass(frozen=True)
class Platform:
    """The product that runs an engine, and the machine in front of the participant."""

    product: str
    is_rootless: bool
    is_remote: bool
    machine: Machine

    @property
    def name(self) -> str:
        """The platform in words: ``Docker Desktop on a Mac with Apple silicon``."""
        product = f"{self.product} without root" if self.is_rootless else self.product
        if self.is_remote:
            return f"{product} on another machine, reached from {self.machine.name}"
        return f"{product} on {self.machine.name}"

    @property
    def was_run(self) -> bool:
        """Whether the workshop's own tests have run on such a platform."""
        is_local_linux = self.machine == Machine("Linux", "amd64") and not self.is_remote
        return is_local_linux and self.product in {DOCKER, PODMAN}


def platform_of(engine: Engine, here: Machine) -> Platform:
    """Return the platform of an engine and this machine."""
    info = engine.client.info()
    is_remote = not engine.endpoint.is_local
    return Platform(product_of(engine, info), is_rootless(info), is_remote, here)


def product_of(engine: Engine, info: Mapping[str, Any]) -> str:
    """Return the name of the product that runs an engine, from its ``docker info`` and its address."""
    if engine.dialect.product == PODMAN:
        return PODMAN

    system = info.get("OperatingSystem", "")
    host = info.get("Name", "")
    for product in PRODUCTS:
        is_system = product.system is not None and system.startswith(product.system)
        is_host = host == product.host or host.startswith(f"{product.host}-")
        if is_system or is_host or product.socket in engine.endpoint.address:
            return product.name

    return DOCKER


def engine_facts(engine: Engine) -> dict[str, str]:
    """Return facts on an engine that a stranger may read: products, numbers of versions, kinds.

    An engine's names, paths, addresses and additions to a version are left out: they could name a person or a company.
    """
    info = engine.client.info()
    return {
        "Engine": f"{engine.dialect.product} {number_of(engine.version['Version'])}",
        "API": number_of(engine.version["ApiVersion"]),
        "Engine's architecture": engine.architecture,
        "Image store": "containerd" if has_containerd_store(info) else str(info.get("Driver")),
        "Cgroup": f"v{info.get('CgroupVersion', '1')}, {info.get('CgroupDriver')}",
    }


def number_of(version: str) -> str:
    """Return the number in a version, without the additions of a distributor; "unknown" if it has no number.

    >>> number_of("v0.29.1-desktop.1")
    '0.29.1'
    """
    match = re.search(r"\d+(\.\d+)*", version)
    return match[0] if match else "unknown"
