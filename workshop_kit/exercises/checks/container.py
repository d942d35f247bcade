"""The check of container.graceful."""

from __future__ import annotations

import time

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import Context, check
from workshop_kit.exercises.result import Finding, Result, conclude, found, has_status
from workshop_kit.exercises.trial import Trial
from workshop_kit.observe.http import Answer

COMMAND = ("sh", "start.sh")
STOP_SECONDS = 6.0
"""From SIGTERM to the end; Docker waits for ten seconds before it sends SIGKILL."""
ORDER_SECONDS = 0.5
"""From SIGTERM to the rest of an order; the task says that an order takes up to a second."""
KILLED_BY_SIGTERM = 143


@check("container.graceful")
def graceful(context: Context) -> Result:
    """Build the folder, run it with start.sh, and stop it while two clients have sent half an order each."""
    with service_trial.build(context) as image:
        called = f"Start your image with {' '.join(COMMAND)}"
        with service_trial.run(context, image, called, "Read start.sh.", command=COMMAND) as trial:
            service_trial.wait_order(trial)
            context.report_step("stopping it while an order is under way")
            order, end = _stop(trial)
            shown = "Told to stop, it answered the order that was under way, and ended by itself in time."
            return conclude(shown, (order, end), trial.lines(), lucky=end.passed)


def _stop(trial: Trial) -> tuple[Finding, Finding]:
    """Send SIGTERM between the halves of an order; a second client never sends its second half."""
    process_1, _ = service_trial.process_1(trial)
    with (
        trial.half_post("/orders", service_trial.ORDER) as finish_order,
        trial.half_post("/orders", service_trial.ORDER),
    ):
        began = time.monotonic()
        trial.signal("SIGTERM")
        time.sleep(ORDER_SECONDS)
        order = finish_order()
        hears = trial.post("/orders", service_trial.ORDER).status is None
        code = trial.wait_ended(STOP_SECONDS - (time.monotonic() - began))
        called = "docker stop, while another client never sends the rest of its order"
        return _order(order), end(called, process_1, code, STOP_SECONDS, hears=hears)


def _order(order: Answer) -> Finding:
    means = "A client had sent half of its order. The service ended without an answer, so the order is lost."
    look = "Which command in start.sh ends the service, and does it wait for the requests that have begun?"
    if order.status is not None:
        means = f"The service gave up the order that was under way, and answered {order.status}."
        look = "An order takes up to a second. How long does the service wait for one after SIGTERM?"
    called = f"POST /orders, half of it sent before SIGTERM, the rest {ORDER_SECONDS:g} s after"
    return has_status(order, 201, called, means, look)


def end(called: str, process_1: str, code: int | None, within_seconds: float, *, hears: bool = False) -> Finding:
    """Find whether it ended in time; ``code`` None: it still ran. ``hears``: no new orders after SIGTERM."""
    means = f"It ends with exit code {code}, which says that it crashed."
    look = "The exit code of a container is that of process 1. Read its last lines."
    if code == KILLED_BY_SIGTERM:
        means = "SIGTERM ended process 1 itself (143 = 128 + 15), and with it the container and all that ran in it."
        look = "Which process must end last? A shell's `wait` returns as soon as its trap has run."
    elif code is None and hears:
        means = "The service heard SIGTERM and takes no new orders, but one client that never sends the rest holds it: "
        means += "Docker has to kill it, exit code 137."
        look = "`uvicorn --help | grep -A 2 graceful`: how long may the requests that have begun take?"
    elif code is None:
        means = "The service does not hear SIGTERM and goes on taking orders, until Docker kills it: exit code 137."
        means = f"{service_trial.SHELL} {means}" if service_trial.is_shell(process_1) else means
        look = "Which process gets SIGTERM, what does it do then, and how can the service become that process?"
    return found(
        code == 0,
        called,
        f"process 1 is `{process_1}`; {'it still ran' if code is None else f'exit code {code}'}",
        f"exit code 0 within {within_seconds:g} s",
        means,
        look,
    )
