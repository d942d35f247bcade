"""The check of lesson 03 on the level: changed while the service runs, heard at once, and taken back."""

from __future__ import annotations

from dataclasses import dataclass

from workshop_kit.exercises.checks import logging_look
from workshop_kit.exercises.checks.logging_look import Log
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.start_failure import wait_started
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

PATH = "/admin/log-level"


@dataclass(frozen=True)
class Phase:
    """What was asked for at a level: a probe, and a customer's request; and which of their lines belong in the log."""

    level: str
    probe: bool
    request: bool

    @property
    def name(self) -> str:
        """The id of its requests."""
        return f"level-{self.level}"


PHASES = (Phase("debug", True, True), Phase("info", False, True), Phase("error", False, False))


@check("logging.level")
def level(context: Context) -> CheckResult:
    """Ask for a level, a probe and an order, for each of three levels; the same process from first to last."""
    with logging_look.run(context, environment={"HTTP_ADMIN": "true"}) as tried:
        if problem := wait_started(tried):
            return problem
        started = tried.running.started
        context.report(Step("Check", None, f"PUT {PATH}: debug, info, error, debug"))
        said = [_ask(tried, phase) for phase in PHASES]
        tried.put(PATH, {"level": "debug"})
        tried.get("/orders/first", headers={"X-Request-ID": "level-last"})
        log = logging_look.look(tried, lambda log: bool(log.having(request_id="level-last")))
        findings = findings_in(said, log, same=tried.running.started == started and tried.ended is None)
        if all(finding.passed for finding in findings):
            return CheckResult("It said more when it was asked to, then less: the same process, not restarted.", findings)
        first = next(finding.means for finding in findings if not finding.passed)
        return CheckResult(first, findings, output=tried.lines())


def findings_in(said: list[str], log: Log, *, same: bool) -> tuple[Finding, ...]:
    """What there is to find: what it answered to each level, what it logged then, whether it is the same process."""
    return (_answered(said), *(_heard(log, phase) for phase in PHASES), _same(same))


def _ask(tried: Trial, phase: Phase) -> str:
    tried.put(PATH, {"level": phase.level})
    for path, kind in (("/livez", "probe"), ("/orders/first", "request")):
        tried.get(path, headers={"X-Request-ID": f"{phase.name}-{kind}"})
    answer = tried.get(PATH).json()
    return str(answer.get("level")) if isinstance(answer, dict) else "nothing"


def _answered(said: list[str]) -> Finding:
    wanted = [phase.level for phase in PHASES]
    return found(
        said == wanted,
        f"PUT {PATH}, then GET it: {', '.join(wanted)}",
        ", ".join(said),
        ", ".join(wanted),
        "It does not take another level.",
        "set_level() is called with the level; level() tells what the root logger has.",
    )


def _heard(log: Log, phase: Phase) -> Finding:
    probe, request = (
        bool(log.having(request_id=f"{phase.name}-{kind}", msg="request")) for kind in ("probe", "request")
    )
    words = {True: "in the log", False: "not in the log"}
    means = (
        f"It says that its level is {phase.level}, and logs as if nobody had asked: the incident is over by the time"
    )
    means += " somebody has restarted it, and so is what was to be seen."
    return found(
        (probe, request) == (phase.probe, phase.request),
        f"Level {phase.level}: ask /livez, which is logged at debug, and for an order, at info",
        f"the probe is {words[probe]}, the order {words[request]}",
        f"the probe {words[phase.probe]}, the order {words[phase.request]}",
        means,
        "When is it decided whether a level is worth a line, and how often?",
    )


def _same(same: bool) -> Finding:
    return found(
        same,
        "Look whether it is the same process, started when it was",
        "the same" if same else "it was started anew, or has ended",
        "the same",
        "It was restarted: whatever was wrong with it cannot be looked at any more.",
        "What ends it?",
    )
