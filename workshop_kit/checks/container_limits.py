"""The check of container.limits: run the service with the limits of its compose.yaml, and try each one."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from docker.errors import APIError

from workshop_kit.engine import features, recipes
from workshop_kit.engine.stack import Stack
from workshop_kit.machine import MIB
from workshop_kit.patience import patient
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import CheckEnded, Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import SMALL_LOG, Trial
from workshop_kit.trials.yaml_problem import yaml_finding

SAYS = findings("container.limits")
FILE = "compose.yaml"
SERVICE = "my-service"
OF_SERVICE = frozenset({SERVICE})
OF_LIMITS = frozenset({"limits", "reservations"})
PARENTS = {
    **dict.fromkeys(("mem_limit", "mem_reservation", "memswap_limit", "cpu_shares", "pids_limit"), OF_SERVICE),
    **dict.fromkeys(("read_only", "tmpfs", "deploy"), OF_SERVICE),
    "cpus": OF_SERVICE | OF_LIMITS,
    "memory": OF_LIMITS,
    "pids": OF_LIMITS,
    "limits": frozenset({"resources"}),
    "resources": frozenset({"deploy"}),
}
"""The keys that limit a service, each with those that it may belong to."""
OTHER_FILES = {"include", "extends", "env_file", "label_file"}
"""Keys with which a compose file makes Compose read other files."""
COMPOSE_VARIABLES = ("PATH", "HOME", "DOCKER_CONFIG")
COMPOSE_SECONDS = 30.0
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
    wanted = read(context.folder, is_closed=context.stack.is_closed)
    with service_trial.build(context) as image, service_trial.run(context, image, **wanted) as trial:
        return _try_limits(trial, context, wanted)


def _try_limits(trial: Trial, context: Context, wanted: Mapping[str, Any]) -> Result:
    service_trial.wait_order(trial)
    context.report_step("trying the limits from inside")
    most = given(context.seed)
    # The service may have been growing just then: a right limit gets a second try.
    tried = _look_inside(trial, most) or _look_inside(trial, most)
    after = trial.post("/orders", service_trial.ORDER)
    alive = SAYS.equals("alive", str(after), status=201)
    if tried is None:
        no_room = SAYS.failed("inside", "it does not run")
        return conclude("", (no_room, alive), trial.lines())
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
    all_findings = (*findings_in(tried, most, wanted, ignored), alive)
    if ignored and all(finding.passed for finding in all_findings):
        reason = next(iter(ignored.values()))
        summary = SAYS.sentences["not-here"].format(reason=f"{reason[:1].upper()}{reason[1:]}")
        return Result.cannot_judge(summary, *all_findings)
    return conclude(SAYS.shown, all_findings)


def _ignored_limits(stack: Stack, tried: LimitObservation, most: Mapping[str, Any]) -> dict[str, str]:
    """Return the limits that had no effect and have none on this engine at all, each with a sentence."""
    suspects = {features.MEMORY: not tried.killed, features.PROCESSES: tried.started > most["processes"]}
    if not any(suspects.values()):
        return {}

    ignored: dict[str, str] = {}
    for feature in features.known(stack.session, recipes.tags(stack.root)["base"], stack.folder / features.FILE):
        if suspects.get(feature.name) and not feature.works:
            ignored[feature.name] = feature.detail
    return ignored


def _look_inside(trial: Trial, most: Mapping[str, Any]) -> LimitObservation | None:
    """Try the limits with the image's own Python; return None if a program could not be run."""

    run = trial.running.exec
    eat = str(most["memory_mib"] + BEYOND_MIB)
    multiply = str(most["processes"] + 1)
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
    too_many = most["processes"] + 1
    memory = wanted["memory_bytes"] or 0
    return (
        _within(
            "memory",
            memory / MIB or None,
            most["memory_mib"],
            "MiB",
            "killed" if tried.killed else "not stopped",
            held=tried.killed or features.MEMORY in ignored,
            tried=most["memory_mib"] + BEYOND_MIB,
        ),
        _swap(wanted["host"].get("MemorySwap", 0), memory),
        _within(
            "processes",
            wanted["pids"],
            most["processes"],
            "processes",
            f"{tried.started} started",
            held=tried.started < too_many or features.PROCESSES in ignored,
            tried=too_many,
        ),
        _within("cores", wanted["cpus"], most["cores"], "cores", f"they got {tried.busy_cores:.1f} cores"),
        SAYS.found(tried.read_only, "root", "read-only" if tried.read_only else "it can be written"),
    )


def _within(
    name: str, limit: float | None, most: float, unit: str, got: str, *, held: bool = True, tried: float = 0
) -> Finding:
    """Find whether there is a limit, at most the task's, which ``held`` when so much was ``tried``."""
    way = "held" if limit is not None else "unlimited"
    if limit is not None and limit > most:
        way = "too-high"
    set_to = "none" if limit is None else f"{limit:g} {unit}"
    is_good = way == "held" and held
    return SAYS.found(is_good, f"{name}.{way}", f"{got}; its limit: {set_to}", most=most, limit=limit, tried=tried)


def _swap(limit: int, memory: int) -> Finding:
    """Find whether the limit of memory and swap together leaves no swap; 0 if it is not set, below 0 for no limit."""
    got = "without end" if limit < 0 else f"{limit / MIB:.0f} MiB"
    return SAYS.found(0 <= limit <= memory, "swap", got if limit else "not set")


def read(folder: Path, *, is_closed: bool = False) -> dict[str, Any]:
    """Return the limits of the service in compose.yaml as fields of `Spec`. Raises CheckEnded if Compose refuses it.

    Compose runs on this machine: with ``is_closed``, for files of others, it gets none that names further files, and no
    variables of this process.
    """
    environment = None
    if is_closed:
        _require_no_other_files((folder / FILE).read_text())
        environment = {name: os.environ[name] for name in COMPOSE_VARIABLES if name in os.environ}
    command = ["docker", "compose", "--project-name", "check", "--file", FILE, "config", "--format", "json"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            timeout=patient(COMPOSE_SECONDS),
        )
    except subprocess.TimeoutExpired as late:
        raise _refused(f"Compose was not done after {late.timeout:.0f} s") from late
    if done.returncode != 0:
        raise _not_readable(_refusal((folder / FILE).read_text(), _reason(done.stderr, folder)))
    return limits_in(json.loads(done.stdout))


def _require_no_other_files(text: str) -> None:
    """Raise CheckEnded for a compose file that names others: Compose would read them, also from a network."""
    try:
        events = list(yaml.parse(text, yaml.SafeLoader))
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise _not_readable(_refusal(text, problem)) from error
    if tag := next(filter(None, (getattr(event, "tag", None) for event in events)), None):
        raise _refused(f"{tag} may stand for another word, which is not read when work of others is graded")
    scalars = {event.value for event in events if isinstance(event, yaml.ScalarEvent)}
    if named := sorted(scalars & OTHER_FILES):
        raise _refused(f"{named[0]} names another file, which is not read when work of others is graded")


def _refused(reason: str) -> CheckEnded:
    return _not_readable(SAYS.failed("file.refused", reason, reason=reason))


def _reason(error_text: str, folder: Path) -> str:
    """Return the last line of Compose, without this machine's paths."""
    line = error_text.strip().rpartition("\n")[2].replace(f"{folder}/", "")
    return re.sub(r"^.*?(?=yaml:|validating|services\.|service )", "", line).strip().rstrip(".")


def _refusal(text: str, reason: str) -> Finding:
    """Return the finding for a text of compose.yaml that Compose refuses."""
    mistake = yaml_finding(FILE, text, reason, PARENTS)
    return mistake or SAYS.failed("file.refused", reason, reason=reason)


def limits_in(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits in the output of ``docker compose config``. Raises CheckEnded if the service is missing."""
    service = (document.get("services") or {}).get(SERVICE)
    if service is None:
        raise _not_readable(SAYS.failed("file.no-service", "another service, or none", service=SERVICE))
    deployed = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    pids = int(service.get("pids_limit") or deployed.get("pids") or 0)
    swap = service.get("memswap_limit")
    return {
        "memory_bytes": int(service.get("mem_limit") or deployed.get("memory") or 0) or None,
        "cpus": float(service.get("cpus") or deployed.get("cpus") or 0) or None,
        "pids": pids if pids > 0 else None,
        "read_only": bool(service.get("read_only")),
        "tmpfs": dict(_folder_in_memory(entry) for entry in service.get("tmpfs") or ()),
        "host": {"LogConfig": SMALL_LOG, **({"MemorySwap": int(swap)} if swap else {})},
    }


def _folder_in_memory(entry: str) -> tuple[str, str]:
    """Return the path and the options of an entry of ``tmpfs``: ``/tmp:size=16m``."""
    path, _, options = entry.partition(":")
    return path, options


def _not_readable(finding: Finding) -> CheckEnded:
    return CheckEnded(Result.not_readable(finding.means, finding))
