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
    """A product that runs Docker's engine in a machine of its own, and how its engine is known.

    ``system`` is the beginning of ``docker info``'s operating system, ``host`` its name there, ``socket`` a folder in
    the engine's address.
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
        place = "another machine, reached from " if self.is_remote else ""
        return f"{product} on {place}{self.machine.name}"

    @property
    def was_run(self) -> bool:
        """Whether the workshop's own tests were run on such a one."""
        is_local_linux = self.machine == Machine("Linux", "amd64") and not self.is_remote
        return is_local_linux and self.product in {DOCKER, PODMAN}


def platform_of(engine: Engine, here: Machine) -> Platform:
    """Return the platform of an engine, from its answers and its address."""
    info = engine.client.info()
    return Platform(product_of(engine, info), is_rootless(info), not engine.endpoint.is_local, here)


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
    """Return what a report on an engine may tell a stranger: products, numbers of versions, kinds.

    Of what an engine says, names, paths, addresses and additions to a version could name a person or a company.
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
    """Return the number in a version, without what its distributor has added.

    >>> number_of("v0.29.1-desktop.1")
    '0.29.1'
    """
    match = re.search(r"\d+(\.\d+)*", version)
    return match[0] if match else "unknown"
