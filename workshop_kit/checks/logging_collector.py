"""The check of logging.collector: kill a collector at each step, and count the lines that it delivers."""

from __future__ import annotations

import time
from pathlib import Path

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.labels import COLLECT
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.start_failure import crash_reason
from workshop_kit.trials.trial import MARK, NO_HEALTHCHECK, SMALL_LOG, printed_json

COLLECTOR = findings("logging.collector")
MODULE = "/app/collector/checkpoint.py"
PROGRAM = "/app/inside.py"
FOLDER = "/var/lib/collector"
INSIDE = Path(__file__).with_name("collector_inside.py")
DEADLINE_SECONDS = 15.0
MOST_LOG = 4096


@check("logging.collector")
def collector(context: Context) -> Result:
    """Kill a collector with the participant's checkpoint.py before each step that it takes, and count its lines."""
    context.report_step("killing a collector at each step that it takes")
    spec = _spec(context)
    with containers.run(context.stack.session, spec) as running:
        began = time.monotonic()
        try:
            running.wait_ended(within_seconds=DEADLINE_SECONDS)
            counts = printed_json(running.log_tail())
        except NotInTime:
            context.waits.add("the collector was not done", time.monotonic() - began)
            return _no_counts("endless", running.log_tail())
        except (WorkshopError, ValueError):
            return _no_counts("crashed", running.log_tail())

    return conclude(COLLECTOR.success_summary, [_delivery_finding(**counts)])


def _spec(context: Context) -> Spec:
    """Return the container of the collector, with the participant's module and the program that runs it."""
    return Spec(
        recipes.tags(context.stack.root)["collector"],
        entrypoint=("python3", PROGRAM),
        command=(MARK,),
        volumes=("/app", FOLDER),
        files={MODULE: context.text, PROGRAM: INSIDE.read_text()},
        network="none",
        labels={COLLECT: "no"},
        pids=50,
        healthcheck=NO_HEALTHCHECK,
        more={"log_config": SMALL_LOG},
    )


def _no_counts(way_to_fail: str, log: str) -> Result:
    """Return the result of a collector that has printed no counts, by its log."""
    finding = COLLECTOR.failed(f"runs.{way_to_fail}", crash_reason(log) or "no lines")
    return Result.did_not_start(finding.means, finding, output=log[-MOST_LOG:])


def _delivery_finding(lost: int, twice: int, steps: int) -> Finding:
    """Find whether every line was delivered once.

    ``lost`` and ``twice`` are the most lines that were lost or delivered twice after a kill at any of the ``steps``.
    """
    way_to_fail = "lost" if lost else "twice"
    is_once = lost == twice == 0
    return COLLECTOR.found(is_once, f"once.{way_to_fail}", f"{lost} lost, {twice} twice", steps=steps)
