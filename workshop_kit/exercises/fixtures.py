"""Fixtures of the exercises in notebooks: containers and incidents with seeded content.

A fixture is the names of what an exercise is about, by which its check finds it again: ``container``, ``incident``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random

from docker.errors import NotFound

from workshop_kit.display.live import NotebookReport
from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.stack import Stack
from workshop_kit.trials import incidents

SMALL_MEMORY_BYTES = 32 * 1024 * 1024
GOOD_LINES = 60
ITEMS = ("tea", "coffee\u2028to go", "scones", "jam\u0085jam", "biscuits")
"""What customers order. Two items hold a character at which `str.splitlines` splits, and a log does not."""


Fixture = dict[str, str]


def is_there(fixture: Fixture, engine: Engine) -> bool:
    """Ask the engine whether a fixture's container still exists: a jump to another lesson removes it."""
    try:
        engine.client.containers.get(fixture["container"])
    except NotFound:
        return False
    return True


def logging_cause(stack: Stack, random: Random) -> Fixture:
    """Inject an incident: ten seconds of customers, with a fault in the middle.

    Customers came from ``began`` to ``ended``, in seconds since 1970, as ``docker logs --since`` takes them.
    """
    incident = incidents.inject(stack, random, NotebookReport())
    return {
        "incident": incident.id,
        "container": incident.container,
        "began": f"{incident.began.timestamp():.6f}",
        "ended": f"{incident.ended.timestamp():.6f}",
    }


def logging_parse(stack: Stack, random: Random) -> Fixture:
    """Start a container, and wait until it has written lines of every kind."""
    text = "".join(f"{line}\n" for line in mixed_lines(random))
    spec = Spec(
        recipes.tags(stack.root)["base"],
        command=("sh", "-c", 'printf %s "$LINES_TO_WRITE" | base64 -d; exec sleep 3600'),
        environment={"LINES_TO_WRITE": base64.b64encode(text.encode()).decode()},
        network="none",
        memory_bytes=SMALL_MEMORY_BYTES,
    )
    running = containers.run(stack.session, spec)
    running.wait_until(lambda: running.container.logs() == text.encode(), what="write its lines")
    return {"container": running.id}


FIXTURES: Mapping[str, Callable[[Stack, Random], Fixture]] = {
    "logging.cause": logging_cause,
    "logging.parse": logging_parse,
}


def mixed_lines(random: Random) -> list[str]:
    """Return `GOOD_LINES` orders as JSON objects, with one to three examples of each odd kind among them."""
    clock = datetime.now(UTC)
    lines: list[str] = []
    kinds = zip(*(_odd_lines(random, clock) for _ in range(3)), strict=True)
    odd_examples = [example for examples in kinds for example in examples[: random.randint(1, 3)]]
    random.shuffle(odd_examples)
    places = random.sample(range(1, GOOD_LINES), len(odd_examples))

    for number in range(GOOD_LINES):
        clock += timedelta(milliseconds=random.randint(1, 400))
        if number in places:
            lines += odd_examples.pop()
        lines.append(_order(random, clock))

    return lines


def _order(random: Random, clock: datetime) -> str:
    record = {
        "ts": clock.isoformat(timespec="milliseconds"),
        "level": "info",
        "msg": "order placed",
        "request_id": f"{random.getrandbits(64):016x}",
        "item": random.choice(ITEMS),
        "quantity": random.randint(1, 9),
    }
    return json.dumps(record, ensure_ascii=False)


def _odd_lines(random: Random, clock: datetime) -> list[list[str]]:
    """Return an example of each kind of lines that are no JSON objects, or only look like one."""
    order = _order(random, clock)
    depth = random.randint(1, 3)
    calls = [part for n in range(depth) for part in (f'  File "orders.py", line {n + 40}, in step_{n}', "    pay()")]
    return [
        [order[: random.randint(40, len(order) - 2)]],  # cut short
        [f'{order[:-1]}, "discount": NaN}}'],
        [f'{order[:-1]}, "quantity": {random.randint(10, 99)}}}'],  # a key twice
        ["Traceback (most recent call last):", *calls, f"TimeoutError: bank {random.randint(1, 9)} sleeps"],
        [f"{clock:%H:%M:%S} WARN retrying in {random.randint(1, 9)} s"],
        [random.choice(("null", "42", '["done"]'))],
        [""],
    ]
