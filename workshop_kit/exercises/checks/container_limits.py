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

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.trial import SMALL_LOG, Trial
from workshop_kit.progress import Step

FILE = "compose.yaml"
SERVICE = "my-service"
COMPOSE_SECONDS = 20
MIB = 1024 * 1024
BEYOND_MIB = 100
"""How far past the memory limit the check tries to get."""
TOO_MUCH = "The task says how much it may have."
INSIDE = Path(__file__).with_name("container_limits_inside.py")


def given(seed: int) -> dict[str, Any]:
    """Return the numbers of the task: at most ``memory_mib``, ``cores``, ``processes``."""
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
        wanted = read(context.folder)
    except WorkshopError as error:
        called = "docker compose config"
        finding = Finding(False, called, error.what, "a file that Compose reads", error.what, error.next_step)
        return CheckResult(error.what, (finding,), Verdict.NOT_READABLE)
    context.report(Step("Check", None, "building your image"))
    with service_trial.build(context) as image:
        context.report(Step("Check", None, "starting your service with your limits"))
        called = "Start the service with these limits"
        look = "Is it too little to start with, or more than this machine has?"
        with service_trial.run(context, image, called, look, **_spec(wanted)) as trial:
            return _try_limits(trial, context, wanted)


def _spec(wanted: Limits) -> dict[str, Any]:
    """Return the limits as fields of `Spec`."""
    host: dict[str, Any] = {"MemoryReservation": wanted.reservation_bytes, "CpuShares": wanted.cpu_shares}
    if wanted.swap_bytes is not None:
        host["MemorySwap"] = wanted.swap_bytes
    return {
        "memory_bytes": wanted.memory_bytes,
        "cpus": wanted.cpus,
        "pids": wanted.pids,
        "read_only": wanted.read_only,
        "tmpfs": dict.fromkeys(wanted.tmpfs, ""),
        "host": {"LogConfig": SMALL_LOG, **host},
    }


def _try_limits(trial: Trial, context: Context, wanted: Limits) -> CheckResult:
    service_trial.wait_order(trial)
    context.report(Step("Check", None, "trying the limits from inside"))
    most = given(context.seed)
    seen = _look_inside(trial, most)
    if isinstance(seen, str):  # the service may have been growing just then: a right limit gets a second try
        seen = _look_inside(trial, most)
    after = trial.post("/orders", service_trial.ORDER)
    alive = found(
        after.status == 201,
        "POST /orders, after all that",
        str(after),
        "201",
        "The service itself fell victim to the limit.",
        "How much does it need in normal use?",
    )
    if isinstance(seen, str):
        means = "With these limits there is no room to try them: nothing more could be started inside."
        inside = Finding(False, "Start a program inside", seen, "it runs", means, "Allow a little more.")
        return conclude("", (inside, alive), trial.lines())
    shown = "A fault inside leaves the rest of the machine as it was."
    return conclude(shown, (*findings_in(seen, most, wanted), alive))


def _look_inside(trial: Trial, most: dict[str, Any]) -> dict[str, Any] | str:
    """Return what container_limits_inside.py saw, run by the image's own Python; a sentence if it did not end well."""
    words = (str(most["memory_mib"] + BEYOND_MIB), str(most["processes"] + 1))
    try:
        done = trial.running.exec("/usr/bin/python3", "-I", "-S", "-c", INSIDE.read_text(), *words)
    except APIError as error:
        return f"it could not be started: {error.explanation or error}"
    try:
        seen: dict[str, Any] = json.loads(done.output)
    except ValueError:
        last = (done.output.strip().splitlines() or ["it said nothing"])[-1]
        return f"it ended with {done.exit_code}: {last}"
    return seen


def findings_in(seen: dict[str, Any], most: dict[str, Any], wanted: Limits) -> tuple[Finding, ...]:
    """Return the findings on memory, swap, processes, cores and the root file system, in this order."""
    swap, memory = wanted.swap_bytes or 0, wanted.memory_bytes or 0
    swaps = swap < 0 or swap > memory
    read_only = found(
        seen["read_only"],
        "Look whether the root file system can be written",
        "read-only" if seen["read_only"] else "it can",
        "read-only",
        "An intruder can change the code that runs, and what the service writes is lost with the container.",
        "Which key of a service makes its root file system read-only?",
    )
    no_swap = found(
        not swaps,
        "docker inspect: memory and swap together",
        f"swap {'without end' if swap < 0 else f'{swap / MIB:.0f} MiB with memory'}"
        if swaps
        else "no more than memory",
        "no more than memory",
        "At its limit it goes on in swap, and slows down the disk for everyone, where it should end.",
        "memswap_limit is memory and swap together; what happens where it is left out?",
    )
    return (
        _memory(seen, most["memory_mib"]),
        no_swap,
        _processes(seen, most["processes"]),
        _cores(seen, most["cores"]),
        read_only,
    )


def _memory(seen: dict[str, Any], most: int) -> Finding:
    limit, eaten = seen["kernel"]["memory_bytes"], seen["eaten_mib"]
    says = "none" if limit is None else f"{limit / MIB:.0f} MiB"
    means, look = f"It may use {says}; it was to have {most} MiB at most.", TOO_MUCH
    if limit is None:
        means = f"It took {eaten} MiB, and nobody stopped it: its neighbors on the machine pay."
        look = "Of the keys that speak of memory, which is a limit, and which is only a wish?"
    return found(
        seen["eater_killed"] and limit is not None and limit <= most * MIB,
        f"Take {most + BEYOND_MIB} MiB of memory inside",
        f"{'killed' if seen['eater_killed'] else 'not stopped'} at {eaten} MiB; the kernel's limit: {says}",
        f"killed; the kernel's limit: {most} MiB at most",
        means,
        look,
    )


def _processes(seen: dict[str, Any], most: int) -> Finding:
    limit, started = seen["kernel"]["processes"], seen["started"]
    says = "none" if limit is None else f"{limit:.0f}"
    means, look = f"It may have {says} processes; it was to have {most} at most.", TOO_MUCH
    if limit is None:
        means = f"It started {started} processes, and nobody stopped it: a fork bomb would take the whole machine."
        look = "Which key counts processes?"
    return found(
        seen["refused"] and limit is not None and limit <= most,
        f"Start {most + 1} processes inside",
        f"{started} started{', the next one refused' if seen['refused'] else ''}; the kernel's limit: {says}",
        f"one refused; the kernel's limit: {most} at most",
        means,
        look,
    )


def _cores(seen: dict[str, Any], most: float) -> Finding:
    limit = seen["kernel"]["cores"]
    says = "none" if limit is None else f"{limit:g} cores"
    means, look = f"It may use {says}; it was to have {most:g} at most.", TOO_MUCH
    if limit is None:
        means = "Nothing keeps two busy loops from taking all the cores there are: its neighbors get slow."
        look = "Shares count only while another container wants the CPU, too. Which key counts always?"
    return found(
        limit is not None and limit <= most,
        "Keep two loops busy inside",
        f"the kernel's limit: {says}; just now they got {seen['busy_cores']:.1f} cores",
        f"the kernel's limit: {most:g} cores at most",
        means,
        look,
    )


@dataclass(frozen=True)
class Limits:
    """The limits of a service in compose.yaml; None where the file sets none.

    ``swap_bytes`` limits memory and swap together. ``reservation_bytes`` and ``cpu_shares`` are no limits. ``tmpfs``
    lists folders in memory.
    """

    memory_bytes: int | None = None
    swap_bytes: int | None = None
    cpus: float | None = None
    pids: int | None = None
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    reservation_bytes: int = 0
    cpu_shares: int = 0


def read(folder: Path) -> Limits:
    """Return the limits of the service in ``folder/compose.yaml``. Raises WrongUsage if Compose refuses the file."""
    command = ["docker", "compose", "--project-name", "check", "--file", FILE, "config", "--format", "json"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=COMPOSE_SECONDS)
    except subprocess.TimeoutExpired:
        raise WrongUsage("Compose did not finish reading compose.yaml.", "Write plain keys and values.") from None
    if done.returncode != 0:
        raise WrongUsage(
            _one_sentence(done.stderr, folder), "Run `docker compose config` in my_service to see it yourself."
        )
    return limits_in(json.loads(done.stdout))


def limits_in(document: Mapping[str, Any]) -> Limits:
    """Return the limits in the output of ``docker compose config``. Raises WrongUsage if the service is missing."""
    services = document.get("services") or {}
    service = services.get(SERVICE) or (next(iter(services.values())) if len(services) == 1 else None)
    if service is None:
        raise WrongUsage(f"compose.yaml has no service {SERVICE}.", f"Name it {SERVICE}, below services.")
    deployed = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    memory = service.get("mem_limit") or deployed.get("memory")
    cpus = service.get("cpus") or deployed.get("cpus")
    pids = service.get("pids_limit") or deployed.get("pids")
    tmpfs = service.get("tmpfs") or ()
    return Limits(
        memory_bytes=int(memory) if memory else None,
        swap_bytes=int(service["memswap_limit"]) if service.get("memswap_limit") else None,
        cpus=float(cpus) if cpus else None,
        pids=int(pids) if pids and int(pids) > 0 else None,
        read_only=bool(service.get("read_only")),
        tmpfs=(tmpfs,) if isinstance(tmpfs, str) else tuple(tmpfs),
        reservation_bytes=int(service.get("mem_reservation") or 0),
        cpu_shares=int(service.get("cpu_shares") or 0),
    )


def _one_sentence(said: str, folder: Path) -> str:
    """Return Compose's last line without this machine's paths."""
    lines = [line for line in said.replace(f"{folder}/", "").splitlines() if line.strip()]
    text = re.sub(r"^.*?(?=yaml:|validating|services\.|service )", "", lines[-1]) if lines else "Compose refuses it"
    return f"Compose refuses compose.yaml: {text.strip().rstrip('.')}."
