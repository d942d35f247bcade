"""The check of container.graceful: stop the service while two clients have sent half of an order each."""

from __future__ import annotations

import time
from dataclasses import dataclass

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.raw_http import Answer
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

COMMAND = ("sh", "start.sh")
STOP_SECONDS = 6.0
"""From SIGTERM to the end; Docker waits for ten seconds before it sends SIGKILL."""
ORDER_SECONDS = 0.5
"""From SIGTERM to the rest of an order; the task says that an order takes up to a second."""
KILLED_BY_SIGTERM = 143


@dataclass(frozen=True)
class Stop:
    """An observed stop.

    ``process_1`` is its command line. ``order`` answers the order that was half sent at SIGTERM, ``new_order`` one that
    came after it. ``code`` is the exit code after ``seconds``; None: it still ran.
    """

    process_1: str
    order: Answer
    new_order: Answer
    code: int | None
    seconds: float


@check("container.graceful")
def graceful(context: Context) -> CheckResult:
    """Build the folder, run it with start.sh, and stop it while two clients have sent half an order each."""
    context.report(Step("Check", None, "building your image"))
    with service_trial.build(context) as image:
        context.report(Step("Check", None, "starting your service with start.sh"))
        try:
            with service_trial.run(context, image, command=COMMAND) as trial:
                if (failed := service_trial.wait_order(trial)) is not None:
                    return failed
                context.report(Step("Check", None, "stopping it while an order is under way"))
                return judge(_stop(trial), trial.lines())
        except WorkshopError as refused:
            return service_trial.not_started(f"Start your image with {' '.join(COMMAND)}", refused, "Read start.sh.")


def _stop(trial: Trial) -> Stop:
    """Send SIGTERM between the halves of an order; a second client never sends its second half."""
    process_1, _ = service_trial.process_1(trial)
    with (
        trial.half_post("/orders", service_trial.ORDER) as order,
        trial.half_post("/orders", service_trial.ORDER),
    ):
        began = time.monotonic()
        trial.signal("SIGTERM")
        time.sleep(ORDER_SECONDS)
        answer = order.finish()
        new_order = trial.post("/orders", service_trial.ORDER)
        code = trial.wait_ended(STOP_SECONDS - (time.monotonic() - began))
        return Stop(process_1, answer, new_order, code, time.monotonic() - began)


def judge(stop: Stop, lines: str = "") -> CheckResult:
    """Judge a stop; ``lines`` are the last ones of the container's log."""
    order, end = _order(stop), _end(stop)
    if end.passed and not order.passed:
        summary = f"It ends in time, but not gracefully. {order.means}"
        return CheckResult(summary, (order, end), Verdict.LUCKY, lines)
    if not end.passed:
        return CheckResult(end.means, (order, end), output=lines)
    return conclude(
        "Told to stop, it answered the order that was under way, and ended by itself in time.", (order, end)
    )


def _order(stop: Stop) -> Finding:
    means = "A client had sent half of its order. The service ended without an answer, so the order is lost."
    look = "Which command in start.sh ends the service, and does it wait for the requests that have begun?"
    if stop.order.status is not None:
        means = f"The service gave up the order that was under way, and answered {stop.order.status}."
        look = "An order takes up to a second. How long does the service wait for one after SIGTERM?"
    return found(
        stop.order.status == 201,
        f"POST /orders, half of it sent before SIGTERM, the rest {ORDER_SECONDS:g} s after",
        str(stop.order),
        "201",
        means,
        look,
    )


def _end(stop: Stop) -> Finding:
    got = f"it still ran after {STOP_SECONDS:g} s" if stop.code is None else f"{stop.code} after {stop.seconds:.1f} s"
    if stop.code is None:
        means, look = _still_runs(stop)
    elif stop.code == KILLED_BY_SIGTERM:
        means = "SIGTERM ended process 1 itself (143 = 128 + 15), and with it the container and all that ran in it."
        look = "Which process must end last? A shell's `wait` returns as soon as its trap has run."
    else:
        means = f"It ends with exit code {stop.code}, which says that it crashed."
        look = "The exit code of a container is that of process 1. Read its last lines."
    return found(
        stop.code == 0,
        "docker stop, while another client never sends the rest of its order",
        f"process 1 is `{stop.process_1}`; {got}",
        f"exit code 0 within {STOP_SECONDS:g} s",
        means,
        look,
    )


def _still_runs(stop: Stop) -> tuple[str, str]:
    """Return what it means, and where to look: it did not hear SIGTERM, or heard it and waits for a client."""
    if stop.new_order.status is None:
        return (
            "The service heard SIGTERM and takes no new orders, but one client that never sends the rest holds it: "
            "Docker has to kill it, exit code 137.",
            "`uvicorn --help | grep -A 2 graceful`: how long may the requests that have begun take?",
        )
    means = "The service does not hear SIGTERM and goes on taking orders, until Docker kills it: exit code 137."
    if service_trial.is_shell(stop.process_1):
        return f"{service_trial.SHELL} {means}", "How can the service become process 1 in place of the shell?"
    return means, "Which process gets SIGTERM, and what does it do then?"
