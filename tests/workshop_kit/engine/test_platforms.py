"""The platform is known from the answers of engines that people have published."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.workshop_kit.engine.recorded_engines import (
    COLIMA,
    COLIMA_PROFILE,
    DESKTOP,
    DESKTOP_ON_WSL,
    DOCKER_24,
    ORBSTACK,
    PODMAN,
    RANCHER,
    RANCHER_ON_WSL,
    ROOTLESS,
    Recorded,
)
from workshop_kit.engine.platforms import engine_facts, platform_of
from workshop_kit.host import Machine

MAC = Machine("Darwin", "arm64")
INTEL_MAC = Machine("Darwin", "amd64")
WSL = Machine("Linux", "amd64", is_wsl=True)
LINUX = Machine("Linux", "amd64")
ARM_LINUX = Machine("Linux", "arm64")


@pytest.mark.parametrize(
    ("recorded", "machine", "name"),
    [
        (DESKTOP, MAC, "Docker Desktop on a Mac with Apple silicon"),
        (DESKTOP_ON_WSL, WSL, "Docker Desktop on Windows with WSL2"),
        (COLIMA, MAC, "Colima on a Mac with Apple silicon"),
        (COLIMA_PROFILE, MAC, "Colima on a Mac with Apple silicon"),
        (ORBSTACK, INTEL_MAC, "OrbStack on a Mac with an Intel processor"),
        (RANCHER, MAC, "Rancher Desktop on a Mac with Apple silicon"),
        (RANCHER_ON_WSL, WSL, "Rancher Desktop on Windows with WSL2"),
        (DOCKER_24, WSL, "Docker Engine on Windows with WSL2"),
        (DOCKER_24, LINUX, "Docker Engine on Linux, amd64"),
        (DOCKER_24, ARM_LINUX, "Docker Engine on Linux, arm64"),
        (ROOTLESS, LINUX, "Docker Engine without root on Linux, amd64"),
        (PODMAN, LINUX, "Podman on Linux, amd64"),
    ],
)
@pytest.mark.parametrize("address", [None, "unix:///var/run/docker.sock"])
def test_a_published_engine_is_known(
    recorded: Recorded, machine: Machine, name: str, address: str | None, tmp_path: Path, root: Path
) -> None:
    """Also behind the default socket, to which they link; the page has a part about each."""
    linked = Recorded(address or recorded.address, recorded.version, recorded.info, {}).session(tmp_path)
    platform = platform_of(linked.engine, machine)
    assert platform.name == name
    assert platform.was_run == (machine == LINUX)

    page, _, anchor = machine.page.partition("#")
    headings = re.findall(r"^## (.+)$", (root / page).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("product", [DESKTOP, COLIMA_PROFILE, ORBSTACK, RANCHER])
def test_the_socket_says_it_where_the_answer_does_not(product: Recorded, tmp_path: Path) -> None:
    """Their systems and names have changed before: OrbStack's was Alpine Linux once (orbstack/orbstack#1)."""
    platform = platform_of(product.session(tmp_path).engine, MAC)
    silent = Recorded(product.address, product.version, DOCKER_24.info, {}).session(tmp_path)
    assert platform_of(silent.engine, MAC) == platform


def test_an_engine_of_another_machine_is_told(tmp_path: Path) -> None:
    """It is not the platform of this machine."""
    far = Recorded("ssh://ann@lab", DOCKER_24.version, DOCKER_24.info, {}).session(tmp_path)
    platform = platform_of(far.engine, LINUX)
    assert platform.name == "Docker Engine on another machine, reached from Linux, amd64"
    assert not platform.was_run


def test_a_report_has_kinds_and_numbers(tmp_path: Path) -> None:
    """The store tells containerd's from the old one; what a distributor adds to a version is left out."""
    assert engine_facts(RANCHER.session(tmp_path).engine) == {
        "Engine": "Docker 29.5.2",
        "API": "1.54",
        "Engine's architecture": "arm64",
        "Image store": "containerd",
        "Cgroup": "v2, cgroupfs",
    }
    acme = Recorded(ROOTLESS.address, {**ROOTLESS.version, "Version": "26.1.5+acme-build7"}, ROOTLESS.info, {})
    facts = engine_facts(acme.session(tmp_path).engine)
    assert (facts["Engine"], facts["Image store"], facts["Cgroup"]) == ("Docker 26.1.5", "overlay2", "v1, none")
