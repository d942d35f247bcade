"""A million numbered lines through the engine, read and followed: 0 lost, 0 twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.observe import logs

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1_200)]
TOTAL = 1_000_000
CODE = f"""
import json, sys
for n in range({TOTAL}):
    stream = sys.stderr if n % 5 == 0 else sys.stdout
    size = 20_000 if n % 10_000 == 1 else n % 120
    stream.write(json.dumps({{"n": n, "msg": "x" * size}}) + "\\n")
"""


@pytest.fixture
def running(session: Session, images: dict[str, str]) -> Iterator[Running]:
    """A container that writes a million lines to both streams, some of them longer than the engine's pieces."""
    made = containers.run(session, Spec(images["base"], command=("python3", "-c", CODE)))
    yield made
    made.remove()


def test_a_million_lines_followed_and_read(running: Running) -> None:
    """Followed while they are written, then read: every number once, every text whole."""
    stop = threading.Event()
    times = np.zeros(TOTAL, int)
    for frame in logs.follow(running, stop):
        assert frame.attrs["malformed"] == 0
        assert frame.attrs["gaps"] == []
        np.add.at(times, frame["n"].to_numpy(int), 1)
        if times.sum() >= TOTAL:
            stop.set()
    assert (times == 1).all()
    running.container.wait()
    frame = logs.read_container(running)
    numbers = frame["n"].to_numpy(int)
    assert len(frame) == TOTAL
    assert (np.sort(numbers) == np.arange(TOTAL)).all()
    expected = np.where(numbers % 10_000 == 1, 20_000, numbers % 120)
    assert (frame["msg"].str.len().to_numpy(int) == expected).all()
    for stream in ("stdout", "stderr"):
        assert frame.loc[frame["stream"] == stream, "n"].is_monotonic_increasing
