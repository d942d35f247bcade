"""The check of container.graceful: a stop while orders are under way."""

from __future__ import annotations

import time

from workshop_kit.checks.stops import KILLED_BY_SIGTERM, is_good_end
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import expect, require
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.service_trial import is_shell
from workshop_kit.trials.trial import Reply

STOP_SECONDS = 6.0
"""The limit from SIGTERM to the end; Docker waits for ten seconds before it sends SIGKILL."""


@check("container.graceful")
def graceful(service: Service) -> None:
    """Told to stop, it answered the order that was under way, took no new one, and ended by itself in time."""
    order = {"item": service.random.choice(["tea", "rice", "salt"]), "quantity": service.random.randint(1, 9)}
    pause_seconds = service.random.uniform(0.3, 0.7)  # an order takes up to a second

    with (
        service.run_alone(command=["sh", "start.sh"]) as running,
        running.half_post("/orders", order) as finish_order,
        running.half_post("/orders", order),  # this client never sends the rest
    ):
        first = running.post("/orders", order)
        require(
            first.status == 201,
            seen=first,
            expected="201",
            means="The service takes no orders, even before it is told to stop.",
            look="Its last lines are below. Which route of app.py takes orders?",
        )

        running.signal("SIGTERM")
        time.sleep(pause_seconds)

        under_way = finish_order()
        expect(
            under_way.status == 201,
            seen=under_way,
            expected="201",
            means="A client had sent half of its order when the service was told to stop. That order is lost.",
            look="Process 1 must wait for the service, and the service for an order, which takes up to one second.",
            hint=1,
        )

        new = running.since_signal(running.post("/orders", order))
        takes_no_new_order(running, new)
        ends_in_time(running, under_way)


def takes_no_new_order(running: RunningService, new: Reply) -> None:
    """Require that it hears SIGTERM: from then on it refuses connections."""
    means = "The service does not hear SIGTERM. It goes on taking orders until Docker kills it, with exit code 137."
    look = f"SIGTERM goes to process 1, `{running.process_1}`. What does that process do with it?"
    if is_shell(running.process_1):
        means = "Process 1 is a shell. It does not pass SIGTERM on, so the service goes on taking orders."
        look = f"SIGTERM goes to `{running.process_1}`. How can the service become process 1?"

    require(new.status is None, seen=new, expected="no answer: it takes no new orders", means=means, look=look, hint=2)


def ends_in_time(running: RunningService, under_way: Reply) -> None:
    """Expect it to end by itself, although a client holds it."""
    end = running.wait_end(STOP_SECONDS)
    means = f"Its exit code is {end.code}, which says that it crashed."
    look = "The exit code of a container is that of process 1. Read its last lines."
    hint = 0
    if end.code is None:
        means = "It does not end. Docker has to kill it, with exit code 137."
        look = f"What does process 1, `{running.process_1}`, wait for?"
    if end.code is None and under_way.status == 201:
        means = "One client that never sends the rest of its order holds it. Docker has to kill it, with exit code 137."
        look = "`uvicorn --help | grep -A 2 graceful`: how long may the requests take that have begun?"
        hint = 2
    if end.code == KILLED_BY_SIGTERM:
        means = "SIGTERM ended process 1 itself (143 = 128 + 15), and with it the container and all that ran in it."
        look = "Which process must end last? A shell's `wait` returns as soon as its trap has run."

    expect(
        is_good_end(running.process_1, end.code),
        seen=end,
        expected=f"exit code 0 within {STOP_SECONDS:g} s; behind an init such as tini also 143, by which uvicorn says "
        "that SIGTERM ended it",
        means=means,
        look=look,
        hint=hint,
    )
