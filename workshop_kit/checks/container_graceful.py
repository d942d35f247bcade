"""The check of container.graceful: a stop while orders are under way."""

from __future__ import annotations

import time

from workshop_kit.checks.stops import describe_stop, is_good_end, stop_failure
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

COMMAND = ("sh", "start.sh")
STOP_SECONDS = 6.0
"""The limit from SIGTERM to the end; Docker waits for ten seconds before it sends SIGKILL."""
ORDER_SECONDS = 0.5
"""The time from SIGTERM to the second half of an order; the task says that an order takes up to a second."""
FINDINGS = findings("container.graceful")


@check("container.graceful")
def graceful(context: Context) -> Result:
    """Build the folder, run it with start.sh, and stop it while two clients have sent half an order each."""
    # COMMAND is the entry point, so that an image with an entry point of its own starts with it, too.
    with (
        service_image.build(context) as image,
        service_trial.run(context, image, entrypoint=COMMAND) as trial,
    ):
        service_trial.wait_order(trial)
        context.report_step("stopping it while an order is under way")
        order, end = _stop_findings(trial)
        return conclude(FINDINGS.success_summary, (order, end), trial.log_tail(), lucky=end.passed)


def _stop_findings(trial: Trial) -> tuple[Finding, Finding]:
    """Send SIGTERM between the halves of an order; return the findings on the order and on the end of the container.

    A second client never sends its second half.
    """
    process_1, _ = service_trial.read_process_1(trial)
    with (
        trial.half_post("/orders", service_trial.ORDER) as finish_order,
        trial.half_post("/orders", service_trial.ORDER),
    ):
        began = time.monotonic()
        trial.signal("SIGTERM")
        time.sleep(ORDER_SECONDS)

        order = finish_order()
        new_order = trial.post("/orders", service_trial.ORDER)
        hears = new_order.status is None

        passed_seconds = time.monotonic() - began
        code = trial.wait_ended(STOP_SECONDS - passed_seconds)
        return _order_finding(order), _end_finding(process_1, code, hears=hears)


def _order_finding(order: Answer) -> Finding:
    """Find whether the order was placed whose second half came after SIGTERM."""
    way_to_fail = "lost" if order.status is None else "given-up"
    values = {"seconds": ORDER_SECONDS, "status": order.status}
    return FINDINGS.found(order.status == 201, f"order.{way_to_fail}", str(order), **values)


def _end_finding(process_1: str, code: int | None, *, hears: bool) -> Finding:
    """Find whether the container ended by itself, and in time.

    ``code`` None: it still ran. ``hears``: after SIGTERM it took no new order.
    """
    way_to_fail = stop_failure(process_1, code)
    if code is None and hears:
        way_to_fail = "held"

    is_good = is_good_end(process_1, code)
    observation = describe_stop(process_1, code)
    return FINDINGS.found(is_good, f"end.{way_to_fail}", observation, seconds=STOP_SECONDS, code=code)
