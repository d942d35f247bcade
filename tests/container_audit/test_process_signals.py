"""What process 1 does with a stop signal is read from its masks; a clock accuses nobody on a busy machine."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from container_audit import catalog, runner
from container_audit.clone_run import CloneRun, CloneStart, CloneStop
from container_audit.findings import RuleFinding, RuleVerdict
from container_audit.processes import (
    INSIDE,
    SIGNAL_COLUMNS,
    Disposition,
    Process1,
    process_1_of,
    process_1_of_status,
)
from container_audit.subject import FrozenRun
from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.control import Control
from workshop_kit.engine.session import Session
from workshop_kit.observe.http import Answer
from workshop_kit.patience import wait_for

TERM = 15
FAILS = RuleVerdict.FAILS
HOLDS = RuleVerdict.HOLDS
CANNOT_TELL = RuleVerdict.CANNOT_TELL

# Recorded with procps 4.0 on Linux 6.12: process 1 of a PID namespace, and what it had started.
NOTHING = "0000000000000000"
TERM_BIT = "0000000000004000"
PYTHON_IGNORES = "0000000001001000"
SLEEP = ["8", "7", NOTHING, NOTHING, NOTHING, "hrtimer_nanosleep", "sleep"]
SHELL = [["7", "1", NOTHING, NOTHING, "0000000000010002", "do_wait", "dash"], SLEEP]
TRAP = [["7", "1", NOTHING, NOTHING, "0000000000014002", "do_wait", "dash"], SLEEP]
SHELL_IGNORES = [["7", "1", NOTHING, TERM_BIT, "0000000000010002", "do_wait", "sh"], SLEEP]
PYTHON = [["7", "1", NOTHING, PYTHON_IGNORES, "0000000000000002", "hrtimer_nanosleep", "python3"]]
PYTHON_HANDLER = [["7", "1", NOTHING, PYTHON_IGNORES, "0000000000004002", "hrtimer_nanosleep", "python3"]]
PYTHON_BLOCKS = [["7", "1", TERM_BIT, PYTHON_IGNORES, "0000000000000002", "hrtimer_nanosleep", "python3"]]
TINI = [["7", "1", NOTHING, "0000000000300000", NOTHING, "do_sigtimedwait.isra.0", "tini"], SLEEP]
OWN_INIT = [["7", "1", NOTHING, NOTHING, NOTHING, "do_sigtimedwait", "start"], SLEEP]
STATUS = f"Name:\tdash\nSigBlk:\t{NOTHING}\nSigIgn:\t{NOTHING}\nSigCgt:\t0000000000014002\ndo_wait"


def process(rows: list[list[str]]) -> Process1:
    """Process 1 of recorded rows."""
    process_1 = process_1_of(rows, "7")
    assert process_1 is not None
    return process_1


@pytest.mark.parametrize(
    ("rows", "disposition"),
    [
        (SHELL, Disposition.DROPPED),  # whatever its child would do: it gets no signal
        (TRAP, Disposition.HANDLED),
        (SHELL_IGNORES, Disposition.IGNORED),
        (PYTHON, Disposition.DROPPED),
        (PYTHON_HANDLER, Disposition.HANDLED),
        (PYTHON_BLOCKS, Disposition.AWAITED),
        (TINI, Disposition.AWAITED),  # its masks are those of a process that drops the signal
        (OWN_INIT, Disposition.AWAITED),
    ],
)
def test_masks_tell_what_becomes_of_a_signal(rows: list[list[str]], disposition: Disposition) -> None:
    """A bit for each signal: blocked, ignored, caught; and a process that waits for signals."""
    assert process(rows).disposition(TERM) is disposition


def test_both_ways_of_reading_agree() -> None:
    """The engine's ``ps``, and /proc/1/status inside; neither invents a process."""
    inside = process_1_of_status(STATUS)
    assert inside is not None
    assert inside == Process1(**{**vars(process(TRAP)), "has_child": None})
    assert process_1_of(TRAP, "9") is None
    assert process_1_of([["7", "sh"]], "7") is None  # a ps of another kind
    assert process_1_of([*TRAP, ["8"]], TRAP[0][0]) == process_1_of(TRAP, TRAP[0][0])
    assert process_1_of_status("cat: can't open '/proc/1/status': No such file or directory") is None


@dataclass
class Recorded:
    """What rules ask of a target that was run before."""

    run: CloneRun
    frozen: FrozenRun | None = None
    slowness: str = ""
    stop_signal: str = "SIGTERM"

    def __post_init__(self) -> None:
        config = {"Healthcheck": {"Test": ["CMD"]}}
        self.target = SimpleNamespace(container={}, config=config)

    def require_ready_run(self) -> CloneRun:
        """The normal run."""
        return self.run

    run_confined = require_ready_run

    def excuse(self) -> str:
        """Why the machine was too slow."""
        return self.slowness

    def freeze_processes(self) -> FrozenRun:
        """The health of the stopped processes."""
        assert self.frozen is not None
        return self.frozen


def judged(rule: str, recorded: Recorded, slowness: str) -> RuleFinding:
    """What a rule finds on a machine that was so slow."""
    recorded.slowness = slowness
    (catalog_rule,) = (catalog_rule for catalog_rule in catalog.rules() if catalog_rule.id == rule)
    return runner.judge(cast(Any, recorded), catalog_rule)


def stopped(seconds: float, code: int, rows: list[list[str]] | None, *, killed: bool = False) -> Recorded:
    """A run that was stopped; process 1 was like that before and after."""
    process_1 = process(rows) if rows else None
    stop = CloneStop(seconds, code, killed, process_1, process_1 if killed else None)
    return Recorded(CloneRun(CloneStart(True, 1.0, "port 8080"), stop=stop))


IDLE = ""
BUSY = str(Control(4.0))
KILLED: dict[str, Any] = {"seconds": 10.1, "code": 137, "killed": True}


@pytest.mark.parametrize(
    ("stop", "load", "verdict", "sentence", "next_step"),
    [
        (stopped(**KILLED, rows=PYTHON_HANDLER), BUSY, CANNOT_TELL, "took 4.0 s in a container", ""),
        (stopped(**KILLED, rows=PYTHON_HANDLER), IDLE, FAILS, "has a handler of SIGTERM", "in flight"),
        (stopped(**KILLED, rows=PYTHON), BUSY, FAILS, "no handler of SIGTERM: the kernel drops it", "Handle SIGTERM"),
        (stopped(**KILLED, rows=SHELL), BUSY, FAILS, "dash, has no handler", "JSON form"),
        (stopped(**KILLED, rows=SHELL_IGNORES), BUSY, FAILS, "sh, ignores SIGTERM", "Do not ignore"),
        (stopped(**KILLED, rows=TRAP), IDLE, FAILS, "has a handler", "runs its trap once"),
        (stopped(**KILLED, rows=TINI), IDLE, FAILS, "waits for signals", "behind it"),
        (stopped(**KILLED, rows=None), BUSY, CANNOT_TELL, "This machine was slow", ""),
        (stopped(**KILLED, rows=None), IDLE, FAILS, "had not ended 10 s after SIGTERM", "Handle SIGTERM"),
        (stopped(14.0, 0, PYTHON_HANDLER), IDLE, FAILS, "ended after 14.0 s", "in flight"),
        (stopped(9.0, 0, PYTHON_HANDLER), BUSY, HOLDS, "ended after 9.0 s", ""),
        (stopped(1.0, 3, PYTHON_HANDLER), BUSY, FAILS, "with code 3", "End with 0"),  # that is no matter of time
    ],
)
def test_a_stop_is_judged_by_masks_where_time_tells_nothing(
    stop: Recorded,
    load: str,
    verdict: RuleVerdict,
    sentence: str,
    next_step: str,
) -> None:
    """No handler fails on any machine, and it says how that is known; a slow handler fails on an idle one alone."""
    finding = judged("lifecycle.stops", stop, load)
    assert finding.verdict is verdict
    assert sentence in finding.sentence
    if verdict is FAILS:
        assert next_step in finding.next_step
    reads_masks = any("SigCgt" in evidence.observation for evidence in finding.evidence)
    assert reads_masks is (stop.run.stop is not None and stop.run.stop.killed and stop.run.stop.before is not None)


def test_a_handler_that_came_late_or_was_taken_back_is_a_handler() -> None:
    """A program may install it after the signal was sent, or restore the default while it ends."""
    for before, after in ((PYTHON, PYTHON_HANDLER), (PYTHON_HANDLER, PYTHON)):
        stop = CloneStop(10.1, 137, True, process(before), process(after))
        recorded = Recorded(CloneRun(CloneStart(True, 1.0, "it runs"), stop=stop))
        assert judged("lifecycle.stops", recorded, BUSY).verdict is CANNOT_TELL


def test_a_signal_that_nothing_can_handle_is_no_stop_signal() -> None:
    """With STOPSIGNAL SIGKILL it ends at once, and cuts what is in flight."""
    stop = stopped(0.1, 137, PYTHON)
    stop.stop_signal = "SIGKILL"
    assert "no program can handle" in judged("lifecycle.stops", stop, IDLE).sentence


def run(started: CloneStart, *answers: Answer) -> Recorded:
    """A run without a stop."""
    return Recorded(CloneRun(started, answers=answers), FrozenRun("healthy", 12.0))


LATE = Answer(None, 2.0, error="no answer within 2 s", url="http://clone/livez")
REFUSES = Answer(503, 0.01, url="http://clone/livez")
SLOW = Answer(200, 1.9, url="http://clone/livez")
WAITS = CloneStart(False, 15.1, "neither a port nor a health check was good")
ENDS = CloneStart(False, 0.4, "ended", exit_code=1)
READY = CloneStart(True, 1.0, "its health check is good")
CLOCKS = {
    # a rule: a finding by the clock alone, and one of the same rule that is none
    "monitoring.probes-fast": (run(READY, SLOW), None),
    "monitoring.liveness-alone": (run(READY, LATE), run(READY, REFUSES)),
    "monitoring.health-truthful": (run(READY), Recorded(run(READY).run, FrozenRun("healthy", 12.0, good_checks=5))),
    "confinement.can-be-confined": (run(WAITS), run(ENDS)),
}


@pytest.mark.parametrize("rule", CLOCKS)
def test_busy_excuses_only_what_a_clock_has_found(rule: str) -> None:
    """On an idle machine both fail. On a busy one the clock's finding cannot be told, and the other fails as always."""
    by_time, by_fact = CLOCKS[rule]
    for recorded, on_busy in ((by_time, CANNOT_TELL), (by_fact, FAILS)):
        if recorded is not None:
            assert judged(rule, recorded, IDLE).verdict is FAILS
            finding = judged(rule, recorded, BUSY)
            assert (finding.verdict, "took 4.0 s" in finding.sentence) == (on_busy, on_busy is CANNOT_TELL)


@pytest.mark.engine
@pytest.mark.parametrize(("has_init", "disposition"), [(True, Disposition.AWAITED), (False, Disposition.DROPPED)])
def test_masks_of_real_containers_by_either_way_of_reading(
    session: Session, images: dict[str, str], has_init: bool, disposition: Disposition
) -> None:
    """The masks of the engine's own init are those of a program without a handler.

    A container that was just started may still be the engine's own program, which has handlers.
    """
    spec = Spec(images["base"], command=("sleep", "600"), network="none", more={"init": has_init})
    with containers.run(session, spec) as running:
        pid = str(running.inspect()["State"]["Pid"])

        def processes() -> list[list[str]]:
            table = running.container.top(ps_args=f"-o {','.join(SIGNAL_COLUMNS)}")
            return list(table["Processes"])

        rows = wait_for(processes, 60, until=lambda rows: "sleep" in [row[-1] for row in rows])
        for process_1 in (process_1_of(rows, pid), process_1_of_status(running.read(*INSIDE))):
            assert process_1 is not None
            assert (process_1.caught, process_1.disposition(TERM)) == (0, disposition)
