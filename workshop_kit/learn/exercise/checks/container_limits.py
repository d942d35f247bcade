"""The check of lesson 01 on limits: run the service with them, and try every one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from docker.errors import APIError

from workshop_kit.errors import WorkshopError
from workshop_kit.learn.exercise import laying, trial
from workshop_kit.learn.exercise.checks import limits_fragment
from workshop_kit.learn.exercise.judging import Context, Judged, check, found
from workshop_kit.learn.exercise.result import Finding, Verdict
from workshop_kit.learn.exercise.starting import wait_started
from workshop_kit.learn.exercise.trial import Trial
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
def limits(context: Context) -> Judged:
    """Run the service with the participant's limits; eat memory, start processes and be busy inside."""
    try:
        asked = limits_fragment.read(context.text)
    except WorkshopError as error:
        return _nothing_ran("Read limits.yaml", error, error.next_step, Verdict.NOT_READABLE)
    wishes = {"MemoryReservation": asked.memory_wish_bytes or 0, "CpuShares": asked.cpu_shares or 0}
    host = {"LogConfig": laying.SMALL_LOG, **wishes}
    try:
        with trial.run(
            context.stack,
            {},
            memory_bytes=asked.memory_bytes,
            cpus=asked.cpus,
            pids=asked.pids,
            host=host,
            report=context.report,
        ) as tried:
            return _tried(tried, context)
    except WorkshopError as refused:
        look = "Is it too little to start with, or more than this machine has?"
        return _nothing_ran("Start the service with these limits", refused, look, Verdict.DID_NOT_START)


def _tried(tried: Trial, context: Context) -> Judged:
    if (failed := wait_started(tried)) is not None:
        return failed
    context.report(Step("Check", None, "trying the limits from inside"))
    most = given(context.seed)
    seen = _seen(tried, most)
    if isinstance(seen, str):  # the service was growing just then, say: an honest limit gets a second try
        seen = _seen(tried, most)
    after = tried.get("/livez")
    alive = found(
        after.status == 200,
        "GET /livez, after all that",
        str(after),
        "200",
        "The service itself fell victim to the limit.",
        "How much does it need when nobody does anything bad?",
    )
    if isinstance(seen, str):
        means = "With these limits there is no room to try them: nothing more could be started inside."
        return Judged(means, (_inside(means, seen), alive), Verdict.WRONG, tried.lines())
    findings = (_memory(seen, most), _processes(seen, most), _cores(seen, most), alive)
    if all(finding.passed for finding in findings):
        return Judged("Whatever goes wrong inside, the rest of the machine stays as it was.", findings)
    return Judged(next(finding.means for finding in findings if not finding.passed), findings, Verdict.WRONG)


def _seen(tried: Trial, most: dict[str, Any]) -> dict[str, Any] | str:
    """What our own program, in our own image, could do inside; in words how it ended if it did not get through."""
    words = (str(most["memory_mib"] + BEYOND_MIB), str(most["processes"] + 1))
    try:
        said = tried.running.exec("/venv/bin/python", "-I", "-S", "-c", INSIDE.read_text(), *words)
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


def _inside(means: str, saw: str) -> Finding:
    return Finding(False, "Start a program inside", saw, "it runs", means, "Allow a little more.")


def _nothing_ran(called: str, error: WorkshopError, look: str, verdict: Verdict) -> Judged:
    return Judged(error.what, (Finding(False, called, error.what, "it runs", error.what, look),), verdict)
