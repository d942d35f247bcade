"""A container whose log has lines of every kind: most are JSON objects, some only look like one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack

GOOD_LINES = 60
ITEMS = ("tea", "coffee\u2028to go", "scones", "jam\u0085jam", "biscuits")
"""What customers order. Two items hold a character at which `str.splitlines` splits, and a log does not."""


def run(stack: Stack, random: Random) -> Running:
    """Start a container that writes the lines, and wait until they are in its log."""
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
    return running


def mixed_lines(random: Random) -> list[str]:
    """Return `GOOD_LINES` orders as JSON objects, with one to three lines of each kind in ODD among them."""
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


def _nan(random: Random, clock: datetime) -> list[str]:
    line = json.loads(_order(random, clock))
    return [json.dumps({**line, "discount": float("nan")}, ensure_ascii=False)]


def _duplicate_key(random: Random, clock: datetime) -> list[str]:
    line = _order(random, clock)
    return [f'{line[:-1]}, "quantity": {random.randint(10, 99)}}}']


def _traceback(random: Random, _: datetime) -> list[str]:
    depth = random.randint(1, 3)
    calls = [part for n in range(depth) for part in (f'  File "orders.py", line {n + 40}, in step_{n}', "    pay()")]
    return ["Traceback (most recent call last):", *calls, f"TimeoutError: bank {random.randint(1, 9)} sleeps"]


def _plain_text(random: Random, clock: datetime) -> list[str]:
    return [f"{clock:%H:%M:%S} WARN retrying in {random.randint(1, 9)} s"]


def _no_object(random: Random, _: datetime) -> list[str]:
    return [random.choice(("null", "42", '["done"]'))]


def _empty(_: Random, __: datetime) -> list[str]:
    return [""]


ODD: tuple[Callable[[Random, datetime], list[str]], ...] = (
    _cut_short,
    _nan,
    _duplicate_key,
    _traceback,
    _plain_text,
    _no_object,
    _empty,
)
