"""Fixtures of the exercises in notebooks: containers and incidents with seeded content.

A fixture maps ``container`` and ``incident`` to the ids of what an exercise is about; its check finds them by these.
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
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.stack import Stack
from workshop_kit.trials import incidents

SMALL_MEMORY_BYTES = 32 * 1024 * 1024
GOOD_LINES = 60
ITEMS = ("tea", "coffee\u2028to go", "scones", "jam\u0085jam", "biscuits")
"""What customers order. Two items contain a character that ends a line for `str.splitlines`, but not in a log."""

Fixture = dict[str, str]


def is_there(fixture: Fixture, engine: Engine) -> bool:
    """Return whether a fixture's container still exists in the engine: a jump to another lesson removes it."""
    try:
        engine.client.containers.get(fixture["container"])
    except NotFound:
        return False
    return True


def logging_cause(stack: Stack, random: Random) -> Fixture:
    """Inject an incident: customers come for ten seconds, with a fault in the middle.

    The times ``began`` and ``ended`` are seconds since 1970, as ``docker logs --since`` takes them.
    """
    incident = incidents.inject(stack, random, NotebookReport())
    return {
        "incident": incident.id,
        "container": incident.container,
        "began": f"{incident.began.timestamp():.6f}",
        "ended": f"{incident.ended.timestamp():.6f}",
    }


def logging_parse(stack: Stack, random: Random) -> Fixture:
    """Start a container that logs `mixed_lines`, and wait until it has written all of them."""
    text = "".join(f"{line}\n" for line in mixed_lines(random))
    spec = Spec(
        recipes.tags(stack.root)["base"],
        command=("sh", "-c", 'printf %s "$LINES_TO_WRITE" | base64 -d; exec sleep 3600'),
        environment={"LINES_TO_WRITE": base64.b64encode(text.encode()).decode()},
        network="none",
        memory_bytes=SMALL_MEMORY_BYTES,
    )
    running = containers.run(stack.session, spec)
    running.wait_for(lambda: running.container.logs() == text.encode(), goal="write its lines")
    return {"container": running.id}


FIXTURES: Mapping[str, Callable[[Stack, Random], Fixture]] = {
    "logging.cause": logging_cause,
    "logging.parse": logging_parse,
}


def mixed_lines(random: Random) -> list[str]:
    """Return `GOOD_LINES` orders as JSON objects, with one to three examples of each odd kind among them."""
    time = datetime.now(UTC)
    odd_examples = _odd_examples(random, time)
    random.shuffle(odd_examples)
    places = random.sample(range(1, GOOD_LINES), len(odd_examples))

    lines: list[str] = []
    for number in range(GOOD_LINES):
        time += timedelta(milliseconds=random.randint(1, 400))
        if number in places:
            lines += odd_examples.pop()
        lines.append(_order_line(random, time))

    return lines


def _odd_examples(random: Random, time: datetime) -> list[list[str]]:
    """Return one to three examples of each odd kind; an example is one line or several."""
    example_sets = [_odd_lines(random, time) for _ in range(3)]
    odd_examples: list[list[str]] = []
    for examples_of_kind in zip(*example_sets, strict=True):
        count = random.randint(1, 3)
        odd_examples += examples_of_kind[:count]
    return odd_examples


def _order_line(random: Random, time: datetime) -> str:
    """Return the line of an order as the service logs it: a JSON object."""
    record = {
        "ts": time.isoformat(timespec="milliseconds"),
        "level": "info",
        "msg": "order placed",
        "request_id": f"{random.getrandbits(64):016x}",
        "item": random.choice(ITEMS),
        "quantity": random.randint(1, 9),
    }
    return json.dumps(record, ensure_ascii=False)


def _odd_lines(random: Random, time: datetime) -> list[list[str]]:
    """Return an example of each odd kind: lines that are not JSON objects, or only look like one."""
    order = _order_line(random, time)
    order_without_brace = order[:-1]
    traceback_frames: list[str] = []
    for number in range(random.randint(1, 3)):
        traceback_frames += [f'  File "orders.py", line {number + 40}, in step_{number}', "    pay()"]

    cut_length = random.randint(40, len(order) - 2)
    second_quantity = random.randint(10, 99)
    bank = random.randint(1, 9)
    retry_seconds = random.randint(1, 9)
    other_json = random.choice(("null", "42", '["done"]'))
    return [
        [order[:cut_length]],
        [f'{order_without_brace}, "discount": NaN}}'],
        [f'{order_without_brace}, "quantity": {second_quantity}}}'],  # the key is there twice
        ["Traceback (most recent call last):", *traceback_frames, f"TimeoutError: bank {bank} sleeps"],
        [f"{time:%H:%M:%S} WARN retrying in {retry_seconds} s"],
        [other_json],
        [""],
    ]
