"""container.limits: each of the likeliest wrong answers in compose.yaml gets a finding of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.exercises.test_container_dockerfile import SOLUTIONS, SOLVED
from tests.workshop_kit.exercises.trying import SEED, words
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.exercises import registry
from workshop_kit.workspace import regions
from workshop_kit.exercises.checks import CHECKS, compose_limits, container_limits
from workshop_kit.exercises.checks.compose_limits import Limits
from workshop_kit.exercises.check_api import Context, CheckResult
from workshop_kit.exercises.result import Verdict
from workshop_kit.paths import CHECKOUT

MIB = 1024 * 1024
MOST = container_limits.given(SEED)
MEMORY, CORES, PROCESSES = (
    f"mem_limit: {MOST['memory_mib']}m",
    f"cpus: {MOST['cores']}",
    f"pids_limit: {MOST['processes']}",
)
READ_ONLY = ("read_only: true", "tmpfs: /tmp")
DEPLOYED = f"cpus: '{MOST['cores']}', memory: {MOST['memory_mib']}M, pids: {MOST['processes']}"


def compose(*lines: str) -> str:
    """The stack's compose.yaml with these lines in the region."""
    text = regions.solved((SOLUTIONS / "compose.yaml").read_text())
    return regions.replace(text, "container.limits", "".join(f"    {line}\n" for line in lines))


WRONG = {
    "wishes": ((f"mem_reservation: {MOST['memory_mib']}m", CORES, PROCESSES, *READ_ONLY), "which is only a wish"),
    "swap": ((MEMORY, "memswap_limit: 1g", CORES, PROCESSES, *READ_ONLY), "it goes on in swap"),
    "writable": ((MEMORY, CORES, PROCESSES), "can change the code that runs"),
    "no processes": ((MEMORY, CORES, *READ_ONLY), "a fork bomb would take the whole machine"),
    "too much": (("mem_limit: 1g", CORES, PROCESSES, *READ_ONLY), "It may use 1024 MiB"),
    "too little": (("mem_limit: 8m", CORES, PROCESSES, *READ_ONLY), "8 MiB of memory"),
    "no YAML": ((MEMORY, f" {CORES}"), "line"),
    "misspelled": ((MEMORY, CORES, PROCESSES, "readonly: true"), "property readonly is not allowed"),
    "swap alone": (("memswap_limit: 96m", CORES, PROCESSES, *READ_ONLY), "refuses to start"),
}


@pytest.mark.parametrize(
    ("service", "limits"),
    [
        ({}, Limits()),
        ({"mem_limit": "100663296", "cpus": 0.5, "pids_limit": 40}, Limits(96 * MIB, None, 0.5, 40)),
        (
            {"deploy": {"resources": {"limits": {"memory": "100663296", "cpus": 0.5, "pids": 40}}}},
            Limits(96 * MIB, None, 0.5, 40),
        ),
        ({"mem_reservation": "100663296", "cpu_shares": 512}, Limits(memory_wish_bytes=96 * MIB, cpu_shares=512)),
        ({"mem_limit": "100663296", "memswap_limit": "-1"}, Limits(96 * MIB, -1)),
        ({"pids_limit": -1, "read_only": True, "tmpfs": ["/tmp"]}, Limits(read_only=True, tmpfs=("/tmp",))),
    ],
)
def test_limits_are_what_compose_makes_of_the_file(service: dict[str, object], limits: Limits) -> None:
    """As ``docker compose config`` prints them; those for a deploy count, wishes do not."""
    assert compose_limits.limits({"services": {"my-service": service}}) == limits
    assert compose_limits.limits({"services": {"shop": service}}) == limits


def test_a_file_without_the_service_is_told() -> None:
    """With several of other names, nobody can know which is meant."""
    with pytest.raises(WrongUsage, match="no service my-service"):
        compose_limits.limits({"services": {"one": {}, "other": {}}})


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        (Limits(96 * MIB), True),
        (Limits(96 * MIB, 96 * MIB), True),
        (Limits(96 * MIB, 200 * MIB), False),
        (Limits(96 * MIB, -1), False),
    ],
)
def test_swap_beyond_the_limit_is_told(asked: Limits, passed: bool) -> None:
    """What is left out is no more than the memory; what is written counts."""
    finding = container_limits._swap(asked)
    assert finding.passed is passed
    assert passed or WRONG["swap"][1] in finding.means


@pytest.mark.engine
@pytest.mark.parametrize("name", ["no YAML", "misspelled"])
def test_what_compose_refuses_is_one_sentence(tmp_path: Path, name: str) -> None:
    """In Compose's own words, without this machine's paths."""
    lines, says = WRONG[name]
    (tmp_path / "compose.yaml").write_text(compose(*lines))
    with pytest.raises(WrongUsage) as refused:
        compose_limits.read(tmp_path)
    assert says in refused.value.what
    assert str(tmp_path) not in refused.value.what
    assert refused.value.what.startswith("Compose refuses compose.yaml: ")


def judge(stack: Stack, folder: Path, lines: tuple[str, ...]) -> CheckResult:
    """Run the check with these lines in the region."""
    folder.mkdir()
    for name, text in {**SOLVED, "compose.yaml": compose(*lines)}.items():
        (folder / name).write_text(text)
    exercise = registry.find(registry.load(CHECKOUT), "container.limits")
    return CHECKS[exercise.id].check(Context(exercise, stack, SEED, folder=folder))


@pytest.mark.engine
@pytest.mark.usefixtures("images")
def test_limits_of_a_deploy_are_honored(stack: Stack, tmp_path: Path) -> None:
    """``deploy.resources.limits`` is Compose's own other way to write them."""
    judged = judge(stack, tmp_path / "my_service", (f"deploy: {{resources: {{limits: {{{DEPLOYED}}}}}}}", *READ_ONLY))
    assert judged.verdict is Verdict.PASSED, judged


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.parametrize("name", [*WRONG])
def test_each_wrong_answer_is_told(stack: Stack, tmp_path: Path, name: str) -> None:
    """All of them, started."""
    lines, says = WRONG[name]
    judged = judge(stack, tmp_path / "my_service", lines)
    assert judged.verdict is not Verdict.PASSED
    assert says in words(judged)
