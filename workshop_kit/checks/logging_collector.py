"""The check of logging.collector: kill a collector at each step, and count the lines that it delivers."""

from __future__ import annotations

import time
from pathlib import Path

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.labels import COLLECT
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import Service
from workshop_kit.trials.start_failure import crash_reason
from workshop_kit.trials.trial import MARK, NO_HEALTHCHECK, SMALL_LOG, printed_json

MODULE = "/app/collector/checkpoint.py"
PROGRAM = "/app/inside.py"
FOLDER = "/var/lib/collector"
INSIDE = Path(__file__).with_name("collector_inside.py")
DEADLINE_SECONDS = 15.0


@check("logging.collector")
def collector(service: Service) -> None:
    """Whenever it dies, every line is there once."""
    service.context.report_step("killing a collector at each step that it takes")
    began = time.monotonic()
    counts: dict[str, int] = {}
    means = "It collects nothing: your methods raise an exception, or cannot be called."
    look = "Its last line is above. The collector calls take(container, position, lines) and commit()."

    with containers.run(service.context.stack.session, spec_of(service)) as running:
        try:
            running.wait_ended(within_seconds=DEADLINE_SECONDS)
            counts = printed_json(running.log_tail())
        except NotInTime:
            means = "It does not come to an end: a commit never returns."
            look = "take() only remembers; commit() writes files and returns. Neither has anything to wait for."
        except (WorkshopError, ValueError):
            pass
        last_line = crash_reason(running.log_tail()) or "no lines"

    called = "Kill the collector before each step of its commits, and let it start again"
    got = "{lost} lost, {twice} twice, with {steps} steps".format(**counts) if counts else last_line
    seen = Observation(called, got, time.monotonic() - began)
    require(bool(counts), seen=seen, expected="it collects", means=means, look=look)

    means = "Lines came twice: they were in a part that counts, and the checkpoint did not know of them."
    look = "Which number stands in the names of the new parts while the old checkpoint holds, and which one is saved?"
    if counts["lost"]:
        means = (
            "Lines were read, then the collector died. The checkpoint said that they are safe: they were in no part."
        )
        look = "Where is save() called, in take() and in commit(), and what is on the disk by then?"
    expect(
        counts["lost"] == counts["twice"] == 0,
        seen=seen,
        expected="0 lost, 0 twice",
        means=means,
        look=look,
        hint=2,
    )


def spec_of(service: Service) -> Spec:
    """Return the container of the collector, with the participant's module and the program that runs it."""
    return Spec(
        recipes.tags(service.context.stack.root)["collector"],
        entrypoint=("python3", PROGRAM),
        command=(MARK,),
        volumes=("/app", FOLDER),
        files={MODULE: service.context.text, PROGRAM: INSIDE.read_text()},
        network="none",
        labels={COLLECT: "no"},
        pids=50,
        healthcheck=NO_HEALTHCHECK,
        more={"log_config": SMALL_LOG},
    )
