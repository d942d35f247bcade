"""What the exercises on logs are about: an incident on the stack, and a container that writes lines of every kind."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pandas as pd
from docker.errors import NotFound

from workshop_kit.display.notebook_progress import NotebookReport
from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import incidents
from workshop_kit.exercises.incidents import Incident

Made = tuple[dict[str, str], Running]
"""The names by which a check finds it, and the container that it is about."""

GOOD_LINES = 60
ITEMS = ("tea", "coffee\u2028to go", "scones", "jam\u0085jam", "biscuits")
"""What customers order. Two of them pasted a line end that ends no line of a log."""


def new_incident(stack: Stack, random: Random) -> Made:
    """An incident that has just happened: ten seconds of customers, with a fault in the middle."""
    return _made(stack, incidents.inject(stack, random, NotebookReport()))


def latest_incident(stack: Stack, random: Random) -> Made:
    """The latest incident of this workspace, if its log is still there; else a new one."""
    service = stack.container("service").id
    for incident in reversed(incidents.all_kept(stack.session)):
        if incident.container == service:
            return _made(stack, incident)
    return new_incident(stack, random)


def incident_log(stack: Stack, identifier: str) -> pd.DataFrame:
    """The service's lines while an incident lasted (see `incidents.log_of`). Raises WorkshopError if it is gone."""
    incident = incidents.find(stack.session, identifier)
    try:
        if incident is not None:
            return incidents.log_of(stack.session.engine.client.containers.get(incident.container), incident)
    except NotFound:
        pass
    raise WorkshopError("The log of this incident is gone.", "Run the cell with the exercise's panel again.")


def _made(stack: Stack, incident: Incident) -> Made:
    return {"incident": incident.id}, Running(stack.session, stack.container("service"))


def container_with_lines(stack: Stack, random: Random) -> Made:
    """A container that has written lines of every kind, and waits."""
    text = "".join(f"{line}\n" for line in mixed_lines(random))
    spec = Spec(
        image=images.tags(stack.root)["base"],
        command=("sh", "-c", 'printf %s "$LINES_TO_WRITE" | base64 -d; exec sleep 3600'),
        environment={"LINES_TO_WRITE": base64.b64encode(text.encode()).decode()},
        network="none",
        memory_bytes=32 * 1024 * 1024,
    )
    running = containers.run(stack.session, spec)
    running.wait_until(lambda: running.container.logs() == text.encode(), what="write its lines")
    return {"container": running.id}, running


def mixed_lines(random: Random) -> list[str]:
    """Lines as a service and all that runs in it write them, without their ends: most are JSON, the rest is life."""
    clock = datetime.now(UTC)
    lines: list[str] = []
    odd = [kind for kind in ODD for _ in range(random.randint(1, 3))]
    random.shuffle(odd)
    places = sorted(random.sample(range(1, GOOD_LINES), len(odd)))
    for number in range(GOOD_LINES):
        clock += timedelta(milliseconds=random.randint(1, 400))
        while places and places[0] == number:
            places.pop(0)
            lines += odd.pop()(random, clock)
        lines.append(_order(random, clock))
    return lines


def _order(random: Random, clock: datetime) -> str:
    """A line as it should be."""
    record = {
        "ts": clock.isoformat(timespec="milliseconds"),
        "level": "info",
        "msg": "order placed",
        "request_id": f"{random.getrandbits(64):016x}",
        "item": random.choice(ITEMS),
        "quantity": random.randint(1, 9),
    }
    return json.dumps(record, ensure_ascii=False)


def _cut_short(random: Random, clock: datetime) -> list[str]:
    line = _order(random, clock)
    return [line[: random.randint(40, len(line) - 2)]]


def _no_number(random: Random, clock: datetime) -> list[str]:
    line = json.loads(_order(random, clock))
    return [json.dumps({**line, "discount": float("nan")}, ensure_ascii=False)]


def _twice(random: Random, clock: datetime) -> list[str]:
    line = _order(random, clock)
    return [f'{line[:-1]}, "quantity": {random.randint(10, 99)}}}']


def _traceback(random: Random, _: datetime) -> list[str]:
    depth = random.randint(1, 3)
    calls = [part for n in range(depth) for part in (f'  File "orders.py", line {n + 40}, in step_{n}', "    pay()")]
    return ["Traceback (most recent call last):", *calls, f"TimeoutError: bank {random.randint(1, 9)} sleeps"]


def _plain(random: Random, clock: datetime) -> list[str]:
    return [f"{clock:%H:%M:%S} WARN retrying in {random.randint(1, 9)} s"]


def _no_object(random: Random, _: datetime) -> list[str]:
    return [random.choice(("null", "42", '["done"]'))]


def _empty(_: Random, __: datetime) -> list[str]:
    return [""]


ODD: tuple[Callable[[Random, datetime], list[str]], ...] = (
    _cut_short,
    _no_number,
    _twice,
    _traceback,
    _plain,
    _no_object,
    _empty,
)
