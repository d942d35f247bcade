"""The check of container.limits: run the service with the limits of its compose.yaml, and try each one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from docker.errors import APIError

from workshop_kit.checks import container_compose
from workshop_kit.engine.containers import CommandResult
from workshop_kit.engine.reach import engine_reason
from workshop_kit.host import MIB
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import CheckEnded
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.result import Result
from workshop_kit.trials.service import SETTLE_SECONDS, RunningService, Service
from workshop_kit.trials.service_trial import ORDER

BEYOND_MIB = 100
KILLED = 137
REFUSED = 126
"""The exit code of a program that cannot be started."""
PYTHON = ("/usr/bin/python3", "-I", "-S", "-c")
USUAL_PERIOD = 100_000
"""The microseconds in which a container may use its ``cpu_quota``, where ``cpu_period`` says nothing else."""

EAT = """
import sys
open("/proc/self/oom_score_adj", "w").write("1000")  # the kernel kills this process, not the service
b"x" * (int(sys.argv[1]) << 20)
print("not killed")
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
READ_ONLY = 'import os; print("read-only" if os.statvfs("/").f_flag & os.ST_RDONLY else "it can be written")'


def task_numbers(seed: int) -> dict[str, Any]:
    """Return the numbers of the task: at most ``memory_mib``, ``cores``, ``processes``."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    return {
        "memory_mib": chance.choice((96, 104, 112, 120, 128)),
        "cores": chance.choice((0.5, 0.6, 0.75)),
        "processes": chance.choice((40, 45, 50, 55, 60)),
    }


@check("container.limits", task_numbers)
def limits(service: Service) -> None:
    """A fault inside leaves the rest of the machine as it was."""
    own_limits = container_compose.read(service.context.folder)
    numbers = task_numbers(service.context.seed)
    with service.run_alone(**own_limits) as running:
        service_trial.wait_order(running)
        running.report_step("trying the limits from inside")
        memory_holds = limits_memory(running, own_limits, numbers["memory_mib"])
        limits_swap(own_limits)
        processes_hold = limits_processes(running, own_limits["pids"] or 0, numbers["processes"])
        limits_cores(running, own_limits, numbers["cores"])
        expect_read_only_root(running)
        still_takes_orders(running)

    if not memory_holds or not processes_hold:
        sentence = "This engine accepts your limits and ignores them, so container.limits cannot be judged here."
        raise CheckEnded(Result.cannot_judge(f"{sentence} `./workshop doctor` says which."))


def limits_memory(running: RunningService, own_limits: Mapping[str, Any], most_mib: int) -> bool:
    """Expect a limit, and a program that takes more to be killed; return False if the engine ignores a right limit."""
    too_much_mib = most_mib + BEYOND_MIB
    limit_mib = (own_limits["memory_bytes"] or 0) / MIB
    is_killed = run_inside(running, EAT, too_much_mib, exit_codes=(0, KILLED)).exit_code == KILLED
    is_right = 0 < limit_mib <= most_mib
    if is_right and not is_killed:
        return False

    means = f"It may use {limit_mib:g} MiB, and the task allows {most_mib}."
    look = "Compare the number and its unit with those of the task."
    if limit_mib <= 0:
        means = f"It took {too_much_mib} MiB, and no limit stopped it: other containers lose that memory."
        look = "Of the keys that speak of memory, which is a limit, and which is only a wish?"

    outcome = "killed" if is_killed else "not killed"
    expect(
        is_right,
        seen=tried(f"Take {too_much_mib} MiB of memory inside", outcome, limit_mib, "MiB"),
        expected=f"killed; its limit: {most_mib} MiB at most",
        means=means,
        look=look,
        hint=1,
    )
    return True


def limits_swap(own_limits: Mapping[str, Any]) -> None:
    """Expect no more swap than the engine allows beside a limit of memory alone: as much as memory."""
    memory_bytes = own_limits["memory_bytes"]
    if not memory_bytes:
        return  # nothing is limited, and `limits_memory` has said so

    both_bytes = own_limits["more"].get("memswap_limit")
    got = "memswap_limit is not set: it may use as much swap as memory"
    if both_bytes:
        got = f"{(both_bytes - memory_bytes) / MIB:g} MiB of swap" if both_bytes > 0 else "swap without end"

    expect(
        both_bytes is None or 0 < both_bytes <= 2 * memory_bytes,
        seen=Observation("Compare its limit of memory and swap with that of memory alone", got, 0.0),
        expected="no more swap than memory",
        means="At the limit of its memory it goes on in swap, and slows down the disk for everyone.",
        look="memswap_limit is memory and swap together. What happens where it is left out?",
    )


def limits_processes(running: RunningService, limit: int, most: int) -> bool:
    """Expect a limit, and no more processes to start; return False if the engine ignores a right limit."""
    too_many = most + 1
    started = int(run_inside(running, MULTIPLY, too_many).output)
    is_right = 0 < limit <= most
    if is_right and started == too_many:
        return False

    means = f"It may start {limit} processes, and the task allows {most}."
    look = "Compare the number with that of the task."
    if not limit:
        means = f"It started {started} processes, and no limit stopped it: a fork bomb would take the whole machine."
        look = "Which key counts processes? A limit of memory does not."

    expect(
        is_right,
        seen=tried(f"Start {too_many} processes inside", f"{started} started", limit, "processes"),
        expected=f"not all start; its limit: {most} processes at most",
        means=means,
        look=look,
        hint=2,
    )
    return True


def limits_cores(running: RunningService, own_limits: Mapping[str, Any], most: float) -> None:
    """Expect a limit of the processor. What two busy loops get is shown: a busy machine gives them less."""
    busy_cores = float(run_inside(running, BUSY).output)
    quota = own_limits["more"].get("cpu_quota", 0)
    limit = own_limits["cpus"] or quota / own_limits["more"].get("cpu_period", USUAL_PERIOD)

    means = f"It may use {limit:g} cores, and the task allows {most:g}."
    look = "Compare the number with that of the task."
    if limit <= 0:
        means = "Nothing keeps two busy loops from taking all the cores there are: its neighbors get slow."
        look = "Shares count only while another container wants the CPU, too. Which key counts always?"

    expect(
        0 < limit <= most,
        seen=tried("Keep two loops busy inside", f"they got {busy_cores:.1f} cores", limit, "cores"),
        expected=f"its limit: {most:g} cores at most",
        means=means,
        look=look,
        hint=1,
    )


def expect_read_only_root(running: RunningService) -> None:
    """Expect that nothing can write beside the code."""
    root = run_inside(running, READ_ONLY).output
    expect(
        root == "read-only",
        seen=Observation("Look whether the root file system can be written", root, 0.0),
        expected="read-only",
        means="An intruder can change the code that runs, and what the service writes is lost with the container.",
        look="Which key of a service makes its root file system read-only?",
        hint=2,
    )


def still_takes_orders(running: RunningService) -> None:
    """Expect that the service has survived all that."""
    order = running.post("/orders", ORDER)
    expect(
        order.status == 201,
        seen=order,
        expected="201, after all that",
        means="The service itself fell victim to a limit.",
        look="How much does it need in normal use?",
    )


def run_inside(
    running: RunningService, program: str, number: int = 0, exit_codes: Sequence[int] = (0,)
) -> CommandResult:
    """Require a program to run in the container, by the image's own Python; return how it ended."""

    def attempt() -> CommandResult:
        try:
            return running.running.exec(*PYTHON, program, str(number))
        except APIError as error:
            return CommandResult(REFUSED, engine_reason(error))

    def has_run(result: CommandResult) -> bool:  # now and then an exec loses its output
        return result.exit_code in exit_codes and bool(result.output or result.exit_code)

    # A right limit may leave no room for a program while the service grows.
    result = running.poll(attempt, has_run, SETTLE_SECONDS, missing="no program could be run inside")
    _, _, last_line = result.output.rpartition("\n")
    means = "With these limits there is no room to try them: nothing more could be run inside."
    look = "Allow a little more: the task names how much."
    if running.exit_code() is not None:
        means = "The service itself fell victim to a limit."
        look = "How much does it need in normal use?"
    require(
        has_run(result),
        seen=Observation("Run a program inside", f"exit code {result.exit_code}\n{last_line}", 0.0),
        expected="it runs",
        means=means,
        look=look,
    )
    return result


def tried(called: str, outcome: str, limit: float, unit: str) -> Observation:
    """Return what came of an attempt to exceed a limit, which is 0 if there is none."""
    limit_text = f"{limit:g} {unit}" if limit > 0 else "none"
    return Observation(called, f"{outcome}; its limit: {limit_text}", 0.0)
