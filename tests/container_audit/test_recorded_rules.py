"""Rules on recorded targets: what an image holds, and how a container is started."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from container_audit.findings import RuleVerdict
from container_audit.rules import build, confinement, monitoring
from workshop_kit.engine.dialect import Dialect
from workshop_kit.observe.layers import Member

MB = 1_000_000


def image(*sizes: tuple[str, int]) -> Any:
    """A target whose image has these files, and 100 MB of others."""
    files = [Member(0, "RUN apt-get install nginx", path, size, 0o644, 0, b"") for path, size in sizes]
    program = Member(0, "RUN apt-get install nginx", "usr/bin/program", 100 * MB, 0o755, 0, b"")
    return SimpleNamespace(read_files=lambda: [program, *files])


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("var/cache/apt/pkgcache.bin", RuleVerdict.FAILS),
        ("var/lib/apt/lists/mirror.example_debian_dists_trixie_main_binary-amd64_Packages.lz4", RuleVerdict.FAILS),
        ("var/cache/libdnf5/main/packages/nginx.rpm", RuleVerdict.FAILS),
        ("var/cache/nginx/page.bin", RuleVerdict.HOLDS),
        ("var/lib/apt/extended_states", RuleVerdict.HOLDS),
    ],
)
def test_caches_of_package_managers_are_waste(path: str, verdict: RuleVerdict) -> None:
    """Also those that apt makes of its lists, and lists that are compressed; a program's own cache is none."""
    judged = build.little_waste(image((path, 92 * MB)))
    assert judged.verdict is verdict
    assert judged.sentence == f"{92 if verdict is RuleVerdict.FAILS else 0}.0 of 192.0 MB are waste."


@pytest.mark.parametrize(
    ("config", "verdict", "sentence"),
    [
        ({}, RuleVerdict.CANNOT_TELL, "it names no port"),
        ({"ExposedPorts": {"80/tcp": {}}}, RuleVerdict.FAILS, "It serves a port"),
        ({"Healthcheck": {"Test": ["CMD", "true"]}}, RuleVerdict.HOLDS, "One is defined."),
    ],
)
def test_a_service_without_a_health_check_is_known_by_a_port(
    config: dict[str, Any], verdict: RuleVerdict, sentence: str
) -> None:
    """One that the image names; a job has none."""
    subject: Any = SimpleNamespace(target=SimpleNamespace(config=config, host={}))
    judged = monitoring.health_check(subject)
    assert judged.verdict is verdict
    assert sentence in judged.sentence


@pytest.mark.parametrize(
    ("host", "is_explained"),
    [
        ({"CapDrop": ["ALL"]}, True),
        ({"CapDrop": ["ALL"], "CapAdd": ["CHOWN"]}, False),
        ({}, False),
    ],
)
def test_root_without_a_capability_fails_with_what_it_can_do(host: dict[str, Any], is_explained: bool) -> None:
    """As the collector runs, which reads the engine's files: the user is still a finding."""
    subject: Any = SimpleNamespace(
        session=SimpleNamespace(engine=SimpleNamespace(dialect=Dialect({}, ""))),
        target=SimpleNamespace(config={"User": "0:0"}, host=host),
    )
    judged = confinement.non_root(subject)
    assert judged.verdict is RuleVerdict.FAILS
    assert ("can use what belongs to root, and no more" in judged.sentence) is is_explained
