"""The check of lesson 01 on limits: run the service with them, and try every one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from docker.errors import APIError

from workshop_kit.engine import images
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import service_image, service_trial, trial_settings
from workshop_kit.exercises.checks import compose_limits
from workshop_kit.exercises.checks.compose_limits import Limits
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

MIB = 1024 * 1024
BEYOND_MIB = 100
"""How far past the limit the check tries to get."""
TOO_MUCH = "The task says how much it may have."
INSIDE = Path(__file__).with_name("limits_inside.py")


def given(seed: int) -> dict[str, Any]:
    """The numbers of the task: ``memory_mib``, ``cores``, ``processes``, at most."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    return {
        "memory_mib": chance.choice((96, 104, 112, 120, 128)),
        "cores": chance.choice((0.5, 0.6, 0.75)),
        "processes": chance.choice((40, 45, 50, 55, 60)),
    }


@check("container.limits", given)
def limits(context: Context) -> CheckResult:
    """Build the service and run it with the participant's limits; eat memory, start processes and be busy inside."""
    try:
        asked = compose_limits.read(context.folder)
    except WorkshopError as error:
        called = "docker compose config"
        finding = Finding(False, called, error.what, "a file that Compose reads", error.what, error.next_step)
        return CheckResult(error.what, (finding,), Verdict.NOT_READABLE)
    base = images.tags(context.stack.root)["python"]
    context.report(Step("Check", None, "building your image"))
    try:
        with service_image.built(context.stack.session, context.folder, base, context.superseded) as image:
            context.report(Step("Check", None, "starting your service with your limits"))
            with service_trial.run(context, image, **_spec(asked)) as tried:
                return _tried(tried, context, asked)
    except service_image.BuildFailed as failed:
        return service_trial.not_built(failed)
    except WorkshopError as refused:
        look = "Is it too little to start with, or more than this machine has?"
        return service_trial.not_started("Start the service with these limits", refused, look)


def _spec(asked: Limits) -> dict[str, Any]:
    """What compose.yaml says, as fields of `Spec`."""
    host: dict[str, Any] = {"MemoryReservation": asked.memory_wish_bytes, "CpuShares": asked.cpu_shares}
    if asked.swap_bytes is not None:
        host["MemorySwap"] = asked.swap_bytes
    return {
        "memory_bytes": asked.memory_bytes,
        "cpus": asked.cpus,
        "pids": asked.pids,
        "read_only": asked.read_only,
        "tmpfs": dict.fromkeys(asked.tmpfs, ""),
        "host": {"LogConfig": trial_settings.SMALL_LOG, **host},
    }


def _tried(tried: Trial, context: Context, asked: Limits) -> CheckResult:
    if (failed := service_trial.wait_order(tried)) is not None:
        return failed
    context.report(Step("Check", None, "trying the limits from inside"))
    most = given(context.seed)
    seen = _seen(tried, most)
    if isinstance(seen, str):  # the service was growing just then, say: an honest limit gets a second try
        seen = _seen(tried, most)
    after = service_trial.order(tried)
    alive = found(
        after.status == 201,
        "POST /orders, after all that",
        str(after),
        "201",
        "The service itself fell victim to the limit.",
        "How much does it need when nobody does anything bad?",
    )
    if isinstance(seen, str):
        means = "With these limits there is no room to try them: nothing more could be started inside."
        return CheckResult(means, (_inside(means, seen), alive), Verdict.WRONG, tried.lines())
    findings = (_memory(seen, most), _swap(asked), _processes(seen, most), _cores(seen, most), _root(seen), alive)
    if all(finding.passed for finding in findings):
        return CheckResult("Whatever goes wrong inside, the rest of the machine stays as it was.", findings)
    return CheckResult(next(finding.means for finding in findings if not finding.passed), findings, Verdict.WRONG)


def _seen(tried: Trial, most: dict[str, Any]) -> dict[str, Any] | str:
    """What our own program, in our own image, could do inside; in words how it ended if it did not get through."""
    words = (str(most["memory_mib"] + BEYOND_MIB), str(most["processes"] + 1))
    try:
        said = tried.running.exec("/usr/bin/python3", "-I", "-S", "-c", INSIDE.read_text(), *words)
    except APIError as error:
        return f"it could not be started: {error.explanation or error}"
    try:
        seen: dict[str, Any] = json.loads(said.output)
    except ValueError:
        last = (said.output.strip().splitlines() or ["it said nothing"])[-1]
        return f"it ended with {said.exit_code}: {last}"
    return seen


def _memory(seen: dict[str, Any], most: dict[str, Any]) -> Finding:
    limit, eaten, aim = seen["kernel"]["memory_bytes"], seen["eaten_mib"], most["memory_mib"]
    says = "none" if limit is None else f"{limit / MIB:.0f} MiB"
    means, look = f"It may use {says}; it was to have {aim} MiB at most.", TOO_MUCH
    if limit is None:
        means = f"It took {eaten} MiB, and nobody stopped it: its neighbors on the machine pay."
        look = "Of the keys that speak of memory, which is a limit, and which is only a wish?"
    return found(
        seen["eater_killed"] and limit is not None and limit <= aim * MIB,
        f"Take {aim + BEYOND_MIB} MiB of memory inside",
        f"{'killed' if seen['eater_killed'] else 'not stopped'} at {eaten} MiB; the kernel's limit: {says}",
        f"killed; the kernel's limit: {aim} MiB at most",
        means,
        look,
    )


def _processes(seen: dict[str, Any], most: dict[str, Any]) -> Finding:
    limit, started, aim = seen["kernel"]["processes"], seen["started"], most["processes"]
    says = "none" if limit is None else f"{limit:.0f}"
    means, look = f"It may have {says} processes; it was to have {aim} at most.", TOO_MUCH
    if limit is None:
        means = f"It started {started} processes, and nobody stopped it: a fork bomb would take the whole machine."
        look = "Which key counts processes?"
    return found(
        seen["refused"] and limit is not None and limit <= aim,
        f"Start {aim + 1} processes inside",
        f"{started} started{', the next one refused' if seen['refused'] else ''}; the kernel's limit: {says}",
        f"one refused; the kernel's limit: {aim} at most",
        means,
        look,
    )


def _cores(seen: dict[str, Any], most: dict[str, Any]) -> Finding:
    limit, got, aim = seen["kernel"]["cores"], seen["busy_cores"], most["cores"]
    says = "none" if limit is None else f"{limit:g} cores"
    means, look = f"It may use {says}; it was to have {aim:g} at most.", TOO_MUCH
    if limit is None:
        means = "Nothing keeps two busy loops from taking all the cores there are: its neighbors get slow."
        look = "Shares count only while somebody else wants the CPU, too. Which key counts always?"
    return found(
        limit is not None and limit <= aim,
        "Keep two loops busy inside",
        f"the kernel's limit: {says}; just now they got {got:.1f} cores",
        f"the kernel's limit: {aim:g} cores at most",
        means,
        look,
    )


def _swap(asked: Limits) -> Finding:
    more = asked.swap_bytes is not None and (asked.swap_bytes < 0 or asked.swap_bytes > (asked.memory_bytes or 0))
    says = "without end" if (asked.swap_bytes or 0) < 0 else f"{(asked.swap_bytes or 0) / MIB:.0f} MiB with memory"
    return found(
        not more,
        "docker inspect: memory and swap together",
        f"swap {says}" if more else "no more than memory",
        "no more than memory",
        "At its limit it goes on in swap, and slows down the disk for everyone, where it should end.",
        "memswap_limit is memory and swap together; what happens where it is left out?",
    )


def _root(seen: dict[str, Any]) -> Finding:
    return found(
        seen["read_only"],
        "Look whether the root file system can be written",
        "read-only" if seen["read_only"] else "it can",
        "read-only",
        "Who gets in can change the code that runs, and what the service writes is lost with the container.",
        "Which key of a service makes its root file system read-only?",
    )


def _inside(means: str, saw: str) -> Finding:
    return Finding(False, "Start a program inside", saw, "it runs", means, "Allow a little more.")
