"""The check of container.graceful."""

from __future__ import annotations

import time

from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

COMMAND = ("sh", "start.sh")
STOP_SECONDS = 6.0
"""From SIGTERM to the end; Docker waits for ten seconds before it sends SIGKILL."""
ORDER_SECONDS = 0.5
"""From SIGTERM to the rest of an order; the task says that an order takes up to a second."""
KILLED_BY_SIGTERM = 143
INITS = ("tini", "docker-init", "dumb-init", "catatonit")
"""Programs that a container may have as process 1, before the service."""
SAYS = findings("container.graceful")


@check("container.graceful")
def graceful(context: Context) -> Result:
    """Build the folder, run it with start.sh, and stop it while two clients have sent half an order each."""
    # The entry point takes the place of the image's own, if it has one.
    with (
        service_trial.build(context) as image,
        service_trial.run(context, image, entrypoint=COMMAND) as trial,
    ):
        service_trial.wait_order(trial)
        context.report_step("stopping it while an order is under way")
        order, end = _stop(trial)
        return conclude(SAYS.shown, (order, end), trial.log_tail(), lucky=end.passed)


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
        return _order(order), _end(process_1, code, hears=hears)


def _order(order: Answer) -> Finding:
    way = "lost" if order.status is None else "given-up"
    return SAYS.found(order.status == 201, f"order.{way}", str(order), seconds=ORDER_SECONDS, status=order.status)


def _end(process_1: str, code: int | None, *, hears: bool) -> Finding:
    """Find whether it ended in time; ``code`` None: it still ran. ``hears``: no new orders after SIGTERM."""
    way = failure(process_1, code)
    if code is None and hears:
        way = "held"

    is_good = is_good_end(process_1, code)
    return SAYS.found(is_good, f"end.{way}", outcome(process_1, code), seconds=STOP_SECONDS, code=code)


def is_good_end(process_1: str, code: int | None) -> bool:
    """Return whether a container ended by itself. Behind an init 143 is right, too.

    uvicorn stops gracefully, and then raises the signal again. As process 1 it survives that.
    """
    program = process_1.split(" ", maxsplit=1)[0].rpartition("/")[2]
    return code == 0 or (code == KILLED_BY_SIGTERM and program in INITS)


def failure(process_1: str, code: int | None) -> str:
    """Return the key of the way in which a stop failed, by process 1 and its exit code (None: it still ran)."""
    if code == KILLED_BY_SIGTERM:
        return "killed"
    if code is not None:
        return "crashed"

    return "shell" if service_trial.is_shell(process_1) else "deaf"


def outcome(process_1: str, code: int | None) -> str:
    """Return what came back of a stop."""
    ended = "it still ran" if code is None else f"exit code {code}"
    return f"process 1 is `{process_1}`; {ended}"
