"""The check of lesson 01 on how the service ends: told to stop while a customer's order is under way."""

from __future__ import annotations

import time

from workshop_kit.learn.exercise import trial
from workshop_kit.learn.exercise.judging import Context, Judged, check, found
from workshop_kit.learn.exercise.result import Finding, Verdict
from workshop_kit.learn.exercise.starting import did_not_start
from workshop_kit.learn.exercise.trial import Trial
from workshop_kit.progress import Step

MODULE = "workshop_app/__main__.py"
PATIENCE_SECONDS = 3.0
"""How long the engine of this check waits between SIGTERM and SIGKILL."""
DRAIN_SECONDS = 0.4
NOTICE_SECONDS = 1.0
ORDER = {"item": "check of container.graceful", "quantity": 1}


@check("container.graceful")
def graceful(context: Context) -> Judged:
    """Send SIGTERM while half an order is on its way: it must be answered, and the process must end by itself."""
    environment = {"HTTP_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    files = {MODULE: context.text}
    with trial.run(context.stack, files, environment=environment, report=context.report) as tried:
        for path in ("/livez", "/readyz"):
            if not tried.wait_answer(path):
                return did_not_start(tried, path)
        context.report(Step("Check", None, "telling it to stop while an order is under way"))
        ready, order, told_at = _told_to_stop(tried)
        code = tried.wait_ended(PATIENCE_SECONDS - (time.monotonic() - told_at))
        seconds = time.monotonic() - told_at
        killed = () if code is not None else (_killed(tried),)
        return _judged((ready, order, _end(code, seconds), *killed), tried.lines())


def _told_to_stop(tried: Trial) -> tuple[Finding, Finding, float]:
    with tried.underway("/orders", ORDER) as order:
        told_at = time.monotonic()
        tried.signal("SIGTERM")
        answer = tried.get("/readyz")
        while answer.status == 200 and time.monotonic() - told_at < NOTICE_SECONDS:
            time.sleep(trial.LOOK_SECONDS)
            answer = tried.get("/readyz")
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
        answer = order.finish()
    placed = found(
        answer.status == 201,
        "POST /orders, half of it sent when SIGTERM came, the rest after",
        str(answer),
        "201",
        "A customer's order that was under way was cut off.",
        "What ends the process, and does it wait for requests that have begun?",
    )
    return ready, placed, told_at


def _end(code: int | None, seconds: float) -> Finding:
    called = f"SIGTERM, and {PATIENCE_SECONDS:g} s of patience"
    expected = f"exit code 0 within {PATIENCE_SECONDS:g} s"
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
