"""Load at a constant rate: requests are sent on schedule, and do not wait for earlier answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from json import dumps
from typing import Any

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.host import MIB

REQUEST = re.compile(r"(GET|POST|PUT|DELETE|HEAD) (/[!-~]*)")
RANGES = {"rate_per_second": range(1, 301), "seconds": range(1, 7201)}
TIMEOUT_SECONDS = 5
CPUS = 1.0
MEMORY_BYTES = 768 * MIB  # k6 takes about 0.2 MB for each request at once


def load(
    stack: Stack, *, request: str = "GET /orders", json: Any = None, rate_per_second: int = 20, seconds: int = 10
) -> Running:
    """Send requests to the stack's service, for some seconds or until the block ends: ``with load(stack):``.

    ``request`` is a method and a path, ``json`` the body. Raises WrongUsage for values out of range, and WorkshopError
    if the service is not up.
    """
    match = REQUEST.fullmatch(request)
    if not match:
        raise WrongUsage(f"{request!r} is no method and path.", 'Write it like "GET /orders".')
    _check_range("rate_per_second", rate_per_second)
    _check_range("seconds", seconds)

    stack.container("service")
    planned_request = {"method": match[1], "url": f"http://service:8080{match[2]}", "json": json}
    return send(stack, [planned_request], rate_per_second, seconds)


def _check_range(name: str, value: int) -> None:
    """Raise WrongUsage if a value is no whole number in the range of this name in RANGES."""
    if type(value) is not int or value not in RANGES[name]:
        least = RANGES[name][0]
        most = RANGES[name][-1]
        raise WrongUsage(f"{name} is a whole number from {least} to {most}, and {value!r} is not.")


def send(stack: Stack, requests: Sequence[Mapping[str, Any]], rate_per_second: int, seconds: int) -> Running:
    """Send ``requests`` (method, url, json) in turn, for some seconds or until the container is removed."""
    # As many requests as may wait for an answer at the same time, if the service answers none.
    requests_at_once = rate_per_second * min(seconds, TIMEOUT_SECONDS + 1)
    plan = {
        "requests": requests,
        "rate_per_second": rate_per_second,
        "seconds": seconds,
        "timeout_seconds": TIMEOUT_SECONDS,
        "at_once": requests_at_once,
    }

    spec = Spec(
        recipes.tags(stack.root)["load"],
        environment={"LOAD": dumps(plan)},
        network=stack.network,
        memory_bytes=MEMORY_BYTES,
        cpus=CPUS,
    )
    return containers.run(stack.session, spec)
