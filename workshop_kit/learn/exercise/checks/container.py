"""The check of lesson 01 on how the service ends: told to stop while a customer's order is under way."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from workshop_kit.learn.exercise import asking, trial
from workshop_kit.learn.exercise.asking import Answer
from workshop_kit.learn.exercise.judging import Context, Judged, check, found
from workshop_kit.learn.exercise.result import Finding, Verdict
from workshop_kit.learn.exercise.starting import wait_started
from workshop_kit.learn.exercise.trial import Trial
from workshop_kit.progress import Step

MODULE = "workshop_app/__main__.py"
PATIENCE_SECONDS = 3.0
"""How long the engine of this check waits between SIGTERM and SIGKILL, where a start takes less than a second."""
PATIENCE_STARTS = 4.0
"""Where it takes longer, because the machine is slow or busy: so many times a start …"""
MOST_PATIENCE_SECONDS = 8.0
"""… and no more than this."""
DRAIN_SECONDS = (0.4, 2.0)
"""A busy machine may miss the short one: then look again, for longer, before saying that /readyz never said 503."""
ENOUGH_FOR_ANOTHER_SECONDS = 8.0
PERHAPS_BY_ACCIDENT = ([asking.HUNG_UP], ["503"])
"""All that was not good: a door already shut, or an order for which the database had no time. Looked at once more."""
LEFT_FOR_STOPPING_SECONDS = 5.0
NOTICE_SECONDS = 1.0
ORDER = {"item": "check of container.graceful", "quantity": 1}


@check("container.graceful")
def graceful(context: Context) -> Judged:
    """Send SIGTERM while half an order is on its way: it must be answered, and the process must end by itself."""
    ends_at = time.monotonic() + trial.DEADLINE_SECONDS
    short, long = DRAIN_SECONDS
    judged = _stopped(context, short, trial.DEADLINE_SECONDS)
    missed = [finding.got for finding in judged.findings if not finding.passed]
    left_seconds = ends_at - time.monotonic()
    if missed in PERHAPS_BY_ACCIDENT and left_seconds > ENOUGH_FOR_ANOTHER_SECONDS:
        again = _stopped(context, long, left_seconds)
        return judged if again.verdict is Verdict.DID_NOT_START else again
    return judged


def _stopped(context: Context, drain_seconds: float, deadline_seconds: float) -> Judged:
    with trial.run(
        context.stack,
        {MODULE: context.text},
        environment={"HTTP_DRAIN_SECONDS": str(drain_seconds)},
        deadline_seconds=deadline_seconds,
        report=context.report,
    ) as tried:
        started = time.monotonic()
        if (failed := wait_started(tried)) is not None:
            return failed
        for_the_database = max(trial.START_SECONDS, tried.left_seconds - LEFT_FOR_STOPPING_SECONDS)
        if (failed := wait_started(tried, "/readyz", within_seconds=for_the_database)) is not None:
            return failed
        start_seconds = time.monotonic() - started
        patience = min(max(PATIENCE_SECONDS, PATIENCE_STARTS * start_seconds), MOST_PATIENCE_SECONDS) + (
            drain_seconds - DRAIN_SECONDS[0]
        )
        context.report(Step("Check", None, "telling it to stop while an order is under way"))
        told_at = time.monotonic()
        ready, order = _told_to_stop(tried, patience)
        code = tried.wait_ended(patience - (time.monotonic() - told_at))
        end = _end(code, time.monotonic() - told_at, patience)
        killed = () if code is not None else (_killed(tried),)
        return _judged((ready, order, end, *killed), tried.lines())


def _told_to_stop(tried: Trial, patience: float) -> tuple[Finding, Finding]:
    with tried.underway("/orders", ORDER) as order, ThreadPoolExecutor(1) as looking:
        # Looks from before the signal on: the engine may be slow to say that it has sent it.
        seen = looking.submit(_until_not_ready, tried)
        tried.signal("SIGTERM")
        answer = seen.result()
        still = f", for {NOTICE_SECONDS:g} s" if answer.status == 200 else ""
        means = "Load balancers go on sending customers to a service that is about to go."
        if answer.status is None:
            means = "It shut the door before /readyz could say so: customers who come now get no answer at all."
        ready = found(
            answer.status == 503,
            "GET /readyz, right after SIGTERM",
            f"{answer}{still}",
            "503, while everybody else is still served",
            means,
            "What makes /readyz say 503, and how long does it stay there to be asked?",
        )
        answer = order.finish(within_seconds=patience)
    placed = found(
        answer.status == 201,
        "POST /orders, half of it sent when SIGTERM came, the rest after",
        str(answer),
        "201",
        "A customer's order that was under way was cut off.",
        "What ends the process, and does it wait for requests that have begun?",
    )
    return ready, placed


def _until_not_ready(tried: Trial) -> Answer:
    """The first answer of /readyz that is not 200, or the last one."""
    ends_at = time.monotonic() + NOTICE_SECONDS
    while (answer := tried.get("/readyz")).status == 200 and time.monotonic() < ends_at:
        time.sleep(trial.LOOK_SECONDS)
    return answer


def _end(code: int | None, seconds: float, patience: float) -> Finding:
    called = f"SIGTERM, and {patience:.1f} s of patience"
    expected = f"exit code 0 within {patience:.1f} s"
    if code is None:
        means = "The engine had to kill it: exit code 137. Whatever it was doing then was lost."
        return Finding(False, called, "it still ran", expected, means, "Who hears SIGTERM, and what does it do then?")
    means = f"It ended with exit code {code}: to whoever watches it, that is a crash."
    return found(code == 0, called, f"exit code {code} after {seconds:.1f} s", expected, means, "Read its last lines.")


def _killed(tried: Trial) -> Finding:
    """What happens to the order that is under way when patience ends: a service that still takes orders loses it."""
    with tried.underway("/orders", ORDER) as order:
        tried.signal("SIGKILL")
        answer = order.finish()
    code = tried.wait_ended(trial.ANSWER_SECONDS)
    return Finding(
        False,
        "POST /orders, half of it sent when the patience ended and SIGKILL came",
        f"{answer}; exit code {code}",
        "no order is taken by then",
        "A customer's order that was under way was cut off.",
        "After SIGTERM it has to stop taking orders, finish those it has, and end.",
    )


def _judged(findings: tuple[Finding, ...], lines: str) -> Judged:
    _, order, end, *killed = findings
    if all(finding.passed for finding in findings):
        return Judged("Told to stop, it said so, answered the order that was under way, and ended by itself.", findings)
    if killed:
        summary = "A customer's order that was under way was cut off, and the engine had to kill it: exit code 137."
        return Judged(summary, findings, Verdict.WRONG, lines)
    if end.passed and not order.passed:
        summary = "It ended in time, but by dropping everything: a customer's order that was under way was cut off."
        return Judged(summary, findings, Verdict.LUCKY, lines)
    summary = next(finding.means for finding in findings if not finding.passed)
    return Judged(summary, findings, Verdict.WRONG, lines)
