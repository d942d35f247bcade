"""Rules on recorded images: what of their files is waste."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from container_audit.findings import RuleVerdict
from container_audit.rules import build
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
