"""Reading limits: compose's spellings, one sentence for everything else, and nothing that explodes."""

from __future__ import annotations

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.learn.exercise.checks.limits_fragment import Limits, read

MIB = 1024 * 1024


def fragment(*lines: str) -> str:
    """A file with these lines under ``service:``."""
    return "\n".join(["services:", "  service:", *(f"    {line}" for line in lines), ""])


@pytest.mark.parametrize(
    ("lines", "limits"),
    [
        ((), Limits()),
        (("mem_limit: 96m", "cpus: 0.5", "pids_limit: 40"), Limits(96 * MIB, 0.5, 40)),
        (("mem_limit: 96 MiB", "cpus: '0.5'", "pids_limit: '40'"), Limits(96 * MIB, 0.5, 40)),
        (("mem_limit: 0", "cpus: 0", "pids_limit: -1"), Limits()),
        (("mem_reservation: 96m", "cpu_shares: 512"), Limits(None, None, None, 96 * MIB, 512)),
    ],
)
def test_limits_are_read_as_compose_reads_them(lines: tuple[str, ...], limits: Limits) -> None:
    """Sizes with and without units, numbers with and without quotes, and the values that mean "no limit"."""
    assert read(fragment(*lines)) == limits


LAUGHS = "\n".join(
    ["a0: &a0 {x: y}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12))]
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "services:"),
        ("services:\n  service:\n    mem_limit: 1m\n  other: {}\n", "nothing else"),
        (fragment("volumes: ['/:/host']"), "'volumes'"),
        (fragment("mem_limit: lots"), "'lots' is no amount of memory"),
        (fragment("cpus: half"), "no number of cores"),
        (fragment("pids_limit: 4.5"), "no whole number"),
        (fragment("mem_limit: 96m", " cpus: 1"), "line 4"),
        (fragment(f"pids_limit: {'9' * 5000}"), "no YAML"),
        (fragment("mem_limit: !!python/object/apply:os.system ['true']"), "line 3"),
        (LAUGHS, "no YAML"),
        ("\x00\x01", "no YAML"),
    ],
)
def test_everything_else_is_one_sentence(text: str, says: str) -> None:
    """No traceback, no gigabytes, no code that runs, no key that would mount something."""
    with pytest.raises(WrongUsage) as refused:
        read(text)
    assert says in refused.value.what
    assert len(refused.value.what) < 200
    assert refused.value.next_step
