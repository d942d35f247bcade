"""Place an order with a service that may be connected to its database, to another one, or to none."""

from __future__ import annotations

import time
from collections.abc import Callable

from workshop_kit.exercises import trial
from workshop_kit.exercises.trial import Trial
from workshop_kit.observe.http import Answer

TRIES = 3
"""A busy database answers too late now and then; one that refuses the password refuses it every time."""
PAUSE_SECONDS = 0.2


def place(tried: Trial, whose: str, enough: Callable[[], bool] = lambda: False) -> Answer:
    """Place an order once the service has begun to connect; try again unless it is placed, or ``enough`` is seen."""
    wait_connected(tried)
    for left in reversed(range(TRIES)):
        answer = tried.post("/orders", {"item": f"check of {whose}", "quantity": 1})
        if answer.status == 201 or enough() or not left:
            break
        time.sleep(PAUSE_SECONDS)
    return answer


def wait_connected(tried: Trial) -> None:
    """Wait until /readyz says anything but that it starts: ready, or what it lacks."""
    waited, seconds = tried.left_seconds, trial.start_seconds()
    while "starting" in tried.get("/readyz").body and waited - tried.left_seconds < seconds:
        time.sleep(trial.LOOK_SECONDS)
