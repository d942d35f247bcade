"""The check of container.limits: run the service with the limits of its compose.yaml, and try each one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError

from workshop_kit.checks import container_compose
from workshop_kit.engine import features, recipes
from workshop_kit.engine.stack import Stack
from workshop_kit.host import MIB
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

FINDINGS = findings("container.limits")
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
    """What programs in the container observed.

    ``killed``: the one that took too much memory was killed. ``process_count`` is the number of processes that could be
    started, ``busy_cores`` the cores that two busy loops had. ``read_only``: the root file system cannot be written.
    """

    killed: bool
    process_count: int
    busy_cores: float
    read_only: bool


def task_numbers(seed: int) -> dict[str, Any]:
    """Return the numbers of the task: at most ``memory_mib``, ``cores``, ``processes``."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    return {
        "memory_mib": chance.choice((96, 104, 112, 120, 128)),
        "cores": chance.choice((0.5, 0.6, 0.75)),
        "processes": chance.choice((40, 45, 50, 55, 60)),
    }


@check("container.limits", task_numbers)
def limits(context: Context) -> Result:
    """Run the service with the participant's limits, and try from inside to exceed each of them."""
    own_limits = container_compose.read(context.folder)
    with service_image.build(context) as image, service_trial.run(context, image, **own_limits) as trial:
        return _try_limits(trial, context, own_limits)


def _try_limits(trial: Trial, context: Context, own_limits: Mapping[str, Any]) -> Result:
    """Try to exceed the limits, then place an order; return the result."""
    service_trial.wait_order(trial)
    context.report_step("trying the limits from inside")
    maxima = task_numbers(context.seed)
    observation = _observe_inside(trial, maxima)
    if observation is None:  # a right limit may leave no room for a program while the service grows: try again
        observation = _observe_inside(trial, maxima)

    order = trial.post("/orders", service_trial.ORDER)
    alive = FINDINGS.equals("alive", str(order), status=201)
    if observation is None:
        no_room = FINDINGS.failed("inside", "it does not run")
        return conclude("", (no_room, alive), trial.log_tail())

    ignored_limits = _ignored_limits(context.stack, observation, maxima)
    return judge(observation, maxima, own_limits, alive, ignored_limits)


def judge(
    observation: LimitObservation,
    maxima: Mapping[str, Any],
    own_limits: Mapping[str, Any],
    alive: Finding,
    ignored_limits: Mapping[str, str],
) -> Result:
    """Return the result: "cannot be judged" if the engine ignores a limit and nothing else is wrong.

    ``maxima`` are the task's numbers, ``own_limits`` the participant's. ``ignored_limits`` has a sentence for each
    limit that the engine ignores.
    """
    all_findings = (*findings_in(observation, maxima, own_limits, ignored_limits), alive)
    has_failures = not all(finding.passed for finding in all_findings)
    if has_failures or not ignored_limits:
        return conclude(FINDINGS.success_summary, all_findings)

    first_sentence = next(iter(ignored_limits.values()))
    reason = first_sentence[:1].upper() + first_sentence[1:]
    summary = FINDINGS.sentences["not-here"].format(reason=reason)
    return Result.cannot_judge(summary, *all_findings)


def _ignored_limits(stack: Stack, observation: LimitObservation, maxima: Mapping[str, Any]) -> dict[str, str]:
    """Return the limits that had no effect here and that this engine does not support, each with a sentence."""
    suspects: set[str] = set()
    if not observation.killed:
        suspects.add(features.MEMORY)
    if observation.process_count > maxima["processes"]:
        suspects.add(features.PROCESSES)
    if not suspects:
        return {}

    image = recipes.tags(stack.root)["base"]
    ignored_limits: dict[str, str] = {}
    for feature in features.load_or_examine(stack.session, image, stack.folder / features.FILE):
        if feature.name in suspects and not feature.works:
            ignored_limits[feature.name] = feature.detail
    return ignored_limits


def _observe_inside(trial: Trial, maxima: Mapping[str, Any]) -> LimitObservation | None:
    """Try the limits with programs for the image's own Python; return None if one of them could not be run."""
    run = trial.running.exec
    memory_mib = str(maxima["memory_mib"] + BEYOND_MIB)
    processes = str(maxima["processes"] + 1)
    try:
        return LimitObservation(
            killed=run(*PYTHON, EAT, memory_mib).exit_code == KILLED,
            process_count=int(run(*PYTHON, MULTIPLY, processes).output),
            busy_cores=float(run(*PYTHON, BUSY).output),
            read_only=run(*READ_ONLY).exit_code == 0,
        )
    except (APIError, ValueError):
        return None


def findings_in(
    observation: LimitObservation,
    maxima: Mapping[str, Any],
    own_limits: Mapping[str, Any],
    ignored_limits: Mapping[str, str],
) -> tuple[Finding, ...]:
    """Return the findings on memory, swap, processes, cores and the root file system, in this order."""
    memory_bytes = own_limits["memory_bytes"] or 0
    too_much = maxima["memory_mib"] + BEYOND_MIB
    memory = _limit_finding(
        "memory",
        memory_bytes / MIB or None,
        maxima["memory_mib"],
        "MiB",
        "killed" if observation.killed else "not stopped",
        held=observation.killed or features.MEMORY in ignored_limits,
        tried=too_much,
    )
    swap = _swap_finding(own_limits["more"].get("memswap_limit", 0), memory_bytes)

    too_many = maxima["processes"] + 1
    processes = _limit_finding(
        "processes",
        own_limits["pids"],
        maxima["processes"],
        "processes",
        f"{observation.process_count} started",
        held=observation.process_count < too_many or features.PROCESSES in ignored_limits,
        tried=too_many,
    )

    cores_text = f"they got {observation.busy_cores:.1f} cores"
    cores = _limit_finding("cores", own_limits["cpus"], maxima["cores"], "cores", cores_text)
    root_text = "read-only" if observation.read_only else "it can be written"
    root = FINDINGS.found(observation.read_only, "root", root_text)
    return memory, swap, processes, cores, root


def _limit_finding(
    name: str, limit: float | None, most: float, unit: str, outcome: str, *, held: bool = True, tried: float = 0
) -> Finding:
    """Find whether a limit is set, is no higher than the task allows, and held.

    ``limit`` is the participant's in ``unit``, None if it is not set; ``most`` is the task's. ``tried`` is how much was
    used in the attempt to exceed it, and ``outcome`` what happened then.
    """
    way_to_fail = "held"
    if limit is None:
        way_to_fail = "unlimited"
    elif limit > most:
        way_to_fail = "too-high"

    is_good = way_to_fail == "held" and held
    limit_text = "none" if limit is None else f"{limit:g} {unit}"
    observation = f"{outcome}; its limit: {limit_text}"
    return FINDINGS.found(is_good, f"{name}.{way_to_fail}", observation, most=most, limit=limit, tried=tried)


def _swap_finding(limit_bytes: int, memory_bytes: int) -> Finding:
    """Find whether the limit of memory and swap together leaves no swap beside ``memory_bytes``.

    ``limit_bytes`` is 0 if no such limit is set, and negative for unlimited swap.
    """
    text = f"{limit_bytes / MIB:.0f} MiB"
    if limit_bytes == 0:
        text = "not set"
    elif limit_bytes < 0:
        text = "without end"
    return FINDINGS.found(0 <= limit_bytes <= memory_bytes, "swap", text)
