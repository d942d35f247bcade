"""The check of logging.collector: a collector that is killed at each step, and the lines that it delivers."""

from __future__ import annotations

import time
from pathlib import Path

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.labels import COLLECT
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.trials import service_trial
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
    """Let the collector die with the participant's checkpoint.py before each step of a commit, and count its lines."""
    context.report_step("killing a collector at each step that it takes")
    spec = Spec(
        recipes.tags(context.stack.root)["collector"],
        entrypoint=("python3", PROGRAM),
        command=(MARK,),
        volumes=("/app", FOLDER),
        files={MODULE: context.text, PROGRAM: INSIDE.read_text()},
        network="none",
        labels={COLLECT: "no"},
        pids=50,
        healthcheck=NO_HEALTHCHECK,
        host={"LogConfig": SMALL_LOG},
    )
    with containers.run(context.stack.session, service_trial.confined(context.stack, spec)) as running:
        began = time.monotonic()
        try:
            running.wait_ended(within_seconds=DEADLINE_SECONDS)
            counts = printed_json(running.log_tail())
        except (WorkshopError, ValueError) as error:
            way = "crashed"
            if isinstance(error, NotInTime):
                way = "endless"
                context.waits.add("the collector was not done", time.monotonic() - began)
            log = running.log_tail()
            finding = COLLECTOR.failed(f"runs.{way}", crash_reason(log) or "no lines")
            return Result.did_not_start(finding.means, finding, output=log[-MOST_LOG:])

    return conclude(COLLECTOR.shown, [_all_once(**counts)])


def _all_once(lost: int, twice: int, steps: int) -> Finding:
    way = "lost" if lost else "twice"
    is_once = lost == twice == 0
    return COLLECTOR.found(is_once, f"once.{way}", f"{lost} lost, {twice} twice", steps=steps)
