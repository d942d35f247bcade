"""The check of container.limits: run the service with the limits of its compose.yaml, and try each one."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError

from workshop_kit.engine import features, recipes
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckEnded, Context, check
from workshop_kit.exercises.result import Finding, Result, conclude, equals, found, has_status
from workshop_kit.exercises.trial import SMALL_LOG, Trial
from workshop_kit.machine import MIB

FILE = "compose.yaml"
SERVICE = "my-service"
BEYOND_MIB = 100
KILLED = 137
PYTHON = ("/usr/bin/python3", "-I", "-S", "-c")

EAT = """
import sys
open("/proc/self/oom_score_adj", "w").write("1000")  # the kernel kills this process, not the service
b"x" * (int(sys.argv[1]) << 20)
"""
MULTIPLY = """
import subprocess, sys
started = []
try:
    for _ in range(int(sys.argv[1])):
        started.append(subprocess.Popen(["sleep", "9"]))
        open(f"/proc/{started[-1].pid}/oom_score_adj", "w").write("900")
except OSError:
    pass
print(len(started))
for process in started:
    process.kill()
    process.wait()
"""
BUSY = """
import os, time
started, child = time.monotonic(), os.fork()
while time.monotonic() - started < 0.2:
    pass
if child:
    os.wait()
    print(sum(os.times()[:4]) / (time.monotonic() - started))
"""
READ_ONLY = ("grep", "-q", "^[^ ]* / [^ ]* ro[, ]", "/proc/mounts")


@dataclass(frozen=True)
class LimitObservation:
    """What happened inside: whether the memory was refused, the processes that started, the cores of two loops."""

    killed: bool
    started: int
    busy_cores: float
    read_only: bool


def given(seed: int) -> dict[str, Any]:
    """Return the numbers of the task: at most ``memory_mib``, ``cores``, ``processes``."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    return {
        "memory_mib": chance.choice((96, 104, 112, 120, 128)),
        "cores": chance.choice((0.5, 0.6, 0.75)),
        "processes": chance.choice((40, 45, 50, 55, 60)),
    }


@check("container.limits", given)
def limits(context: Context) -> Result:
    """Build the service and run it with the participant's limits; eat memory, start processes and be busy inside."""
    wanted = read(context.folder)
    with service_trial.build(context) as image:
        called = "Start the service with these limits"
        look = "Is it too little to start with, or more than this machine has?"
        with service_trial.run(context, image, called, look, **wanted) as trial:
            return _try_limits(trial, context, wanted)


def _try_limits(trial: Trial, context: Context, wanted: Mapping[str, Any]) -> Result:
    service_trial.wait_order(trial)
    context.report_step("trying the limits from inside")
    most = given(context.seed)
    # The service may have been growing just then: a right limit gets a second try.
    tried = _look_inside(trial, most) or _look_inside(trial, most)
    after = trial.post("/orders", service_trial.ORDER)
    look = "How much does it need in normal use?"
    alive = has_status(after, 201, "POST /orders, after all that", "The service itself fell victim to the limit.", look)
    if tried is None:
        means = "With these limits there is no room to try them: nothing more could be started inside."
        inside = Finding(False, "Start a program inside", "it does not run", "it runs", means, "Allow a little more.")
        return conclude("", (inside, alive), trial.lines())
    return judge(tried, most, wanted, alive, _ignored_limits(context.stack, tried, most))


def judge(
    tried: LimitObservation,
    most: Mapping[str, Any],
    wanted: Mapping[str, Any],
    alive: Finding,
    ignored: Mapping[str, str],
) -> Result:
    """Return the result; where the engine ignores a limit and nothing else is wrong, it cannot be judged.

    ``ignored`` are these limits, each with a sentence.
    """
    findings = (*findings_in(tried, most, wanted, ignored), alive)
    if ignored and all(finding.passed for finding in findings):
        reason = next(iter(ignored.values()))
        summary = f"{reason[:1].upper()}{reason[1:]}: container.limits cannot be judged here."
        return Result.cannot_judge(summary, *findings)
    return conclude("A fault inside leaves the rest of the machine as it was.", findings)


def _ignored_limits(stack: Stack, tried: LimitObservation, most: Mapping[str, Any]) -> dict[str, str]:
    """Return the limits that had no effect and have none on this engine at all, each with a sentence."""
    suspects = {features.MEMORY: not tried.killed, features.PROCESSES: tried.started > most["processes"]}
    if not any(suspects.values()):
        return {}
    known = features.known(stack.session, recipes.tags(stack.root)["base"], stack.folder / features.FILE)
    return {one.name: one.detail for one in known if suspects.get(one.name) and not one.works}


def _look_inside(trial: Trial, most: Mapping[str, Any]) -> LimitObservation | None:
    """Try the limits with the image's own Python; return None if a program could not be run."""

    run = trial.running.exec
    eat, multiply = str(most["memory_mib"] + BEYOND_MIB), str(most["processes"] + 1)
    try:
        return LimitObservation(
            killed=run(*PYTHON, EAT, eat).exit_code == KILLED,
            started=int(run(*PYTHON, MULTIPLY, multiply).output),
            busy_cores=float(run(*PYTHON, BUSY).output),
            read_only=run(*READ_ONLY).exit_code == 0,
        )
    except (APIError, ValueError):
        return None


def findings_in(
    tried: LimitObservation, most: Mapping[str, Any], wanted: Mapping[str, Any], ignored: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Return the findings on memory, swap, processes, cores and the root file system, in this order."""
    swap, memory = wanted["host"].get("MemorySwap", 0), wanted["memory_bytes"] or 0
    too_much, too_many = most["memory_mib"] + BEYOND_MIB, most["processes"] + 1
    return (
        _within(
            memory / MIB or None,
            most["memory_mib"],
            "MiB",
            f"Take {too_much} MiB of memory inside",
            "killed" if tried.killed else "not stopped",
            f"It took {too_much} MiB, and no limit stopped it: other containers lose that memory.",
            "Of the keys that speak of memory, which is a limit, and which is only a wish?",
            held=tried.killed or features.MEMORY in ignored,
        ),
        found(
            0 <= swap <= memory,
            "Read memswap_limit in compose.yaml: memory and swap together",
            "without end" if swap < 0 else f"{swap / MIB:.0f} MiB",
            "not set, or no more than memory",
            "At its limit it goes on in swap, and slows down the disk for everyone, where it should end.",
            "memswap_limit is memory and swap together; what happens where it is left out?",
        ),
        _within(
            wanted["pids"],
            most["processes"],
            "processes",
            f"Start {too_many} processes inside",
            f"{tried.started} started",
            f"It started {too_many} processes, and no limit stopped it: a fork bomb would take the whole machine.",
            "Which key counts processes?",
            held=tried.started < too_many or features.PROCESSES in ignored,
        ),
        _within(
            wanted["cpus"],
            most["cores"],
            "cores",
            "Keep two loops busy inside",
            f"they got {tried.busy_cores:.1f} cores",
            "Nothing keeps two busy loops from taking all the cores there are: its neighbors get slow.",
            "Shares count only while another container wants the CPU, too. Which key counts always?",
        ),
        equals(
            "Look whether the root file system can be written",
            "read-only" if tried.read_only else "it can",
            "read-only",
            "An intruder can change the code that runs, and what the service writes is lost with the container.",
            "Which key of a service makes its root file system read-only?",
        ),
    )


def _within(
    limit: float | None, most: float, unit: str, called: str, got: str, unlimited: str, look: str, *, held: bool = True
) -> Finding:
    """Find whether there is a limit, at most the task's, which ``held``; ``unlimited`` is what none means."""
    too_high = limit is not None and limit > most
    return found(
        held and limit is not None and not too_high,
        called,
        f"{got}; its limit: {'none' if limit is None else f'{limit:g} {unit}'}",
        f"its limit: {most:g} {unit} at most",
        f"It may use {limit:g} {unit}; it was to have {most:g} at most." if too_high else unlimited,
        look,
    )


def read(folder: Path) -> dict[str, Any]:
    """Return the limits of the service in compose.yaml as fields of `Spec`. Raises CheckEnded if Compose refuses it."""
    command = ["docker", "compose", "--project-name", "check", "--file", FILE, "config", "--format", "json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        # Compose's last line, without this machine's paths.
        said = done.stderr.strip().rpartition("\n")[2].replace(f"{folder}/", "")
        said = re.sub(r"^.*?(?=yaml:|validating|services\.|service )", "", said).strip().rstrip(".")
        look = "Run `docker compose config` in my_service to see it yourself."
        raise _refused(f"Compose refuses compose.yaml: {said}.", look)
    return limits_in(json.loads(done.stdout))


def limits_in(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits in the output of ``docker compose config``. Raises CheckEnded if the service is missing."""
    service = (document.get("services") or {}).get(SERVICE)
    if service is None:
        raise _refused(f"compose.yaml has no service {SERVICE}.", f"Name it {SERVICE}, below services.")
    deployed = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    pids = int(service.get("pids_limit") or deployed.get("pids") or 0)
    swap = service.get("memswap_limit")
    return {
        "memory_bytes": int(service.get("mem_limit") or deployed.get("memory") or 0) or None,
        "cpus": float(service.get("cpus") or deployed.get("cpus") or 0) or None,
        "pids": pids if pids > 0 else None,
        "read_only": bool(service.get("read_only")),
        "tmpfs": dict.fromkeys(service.get("tmpfs") or (), ""),
        "host": {"LogConfig": SMALL_LOG, **({"MemorySwap": int(swap)} if swap else {})},
    }


def _refused(why: str, look: str) -> CheckEnded:
    finding = Finding(False, "docker compose config", why, "a file that Compose reads", why, look)
    return CheckEnded(Result.not_readable(why, finding))
