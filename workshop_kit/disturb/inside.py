"""``with inside("errors", where, share=0.5):`` breaks something in a service of ours while the block runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workshop_kit.disturb.admin import PREFIX
from workshop_kit.disturb.faults import Disturbance, fault
from workshop_kit.disturb.targets import Where
from workshop_kit.engine.stack import Stack


@contextmanager
def inside(name: str, where: Where, service: str | None = None, /, **grade: Any) -> Iterator[Disturbance]:
    """Put a fault in force inside a service that was started with HTTP_FAULTS=true, until the end of the block.

    ``name`` and ``grade`` are those of `catalog.INSIDE` without their prefix: latency (ms, share), errors, hang, refuse
    (share), leak (mib_per_second, at_most_mib), burn (share of a core). ``where`` is the stack (its ``service`` unless
    another is named), or a container that `engine.containers.run` returned. Like `faults.fault` it is written into the
    journal first, and undone whatever ends the block; they nest, and the newest grade of a name holds.
    Raises WorkshopError in one sentence: no such fault or grade, HTTP_FAULTS is off, it does not answer.
    """
    if service is None and isinstance(where, Stack):
        service = "service"
    with fault(PREFIX + name, where, service, **grade) as disturbance:
        yield disturbance
