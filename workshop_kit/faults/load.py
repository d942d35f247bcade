"""Load at a constant rate: requests are sent on schedule, and do not wait for earlier answers.

A client that waits for each answer sends less while the service is slow, and so measures only the good moments. Here
the time of a request counts from the moment it was due, and every request is a row.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Self

import pandas as pd
from docker.errors import APIError
from requests.exceptions import RequestException

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import COMPOSE_SERVICE
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.faults.targets import Where, target
from workshop_kit.paths import CHECKOUT

REQUEST = re.compile(r"(GET|POST|PUT|DELETE|HEAD) (/[!-~]*)")
RANGES = {"rate_per_second": range(1, 501), "seconds": range(1, 601), "timeout_seconds": range(1, 31)}
MOST_REQUESTS = 60_000
MOST_AT_ONCE = 2_000  # requests without an answer yet
CPUS = 1.0
MEMORY_BYTES = 768 * 1024 * 1024  # k6 takes about 0.2 MB for each request at once
SPARE_SECONDS = 60  # to start, and to end
INTERRUPT = ("python3", "-I", "-S", "-c", "import os, signal; os.kill(-1, signal.SIGINT)")
"""Ends k6, but not process 1, which waits for it."""
COLUMNS = ["time", "status", "seconds", "error", "late_seconds"]
CUT_OFF = "canceled"
"""The last word of k6's error for a request without an answer when the load ended."""


@dataclass(frozen=True)
class Plan:
    """What is sent, and how often. Raises WrongUsage for values out of range and for addresses of other hosts.

    ``request`` is a method and a path of the target, ``json`` the body; a request without an answer after
    ``timeout_seconds`` has failed.
    """

    request: str
    json: Any = None
    rate_per_second: int = 20
    seconds: int = 10
    timeout_seconds: int = 5

    def __post_init__(self) -> None:
        if not isinstance(self.request, str) or not REQUEST.fullmatch(self.request):
            raise WrongUsage(f"{self.request!r} is no method and path.", 'Write it like "GET /orders".')
        for name, allowed in RANGES.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
                least, most = allowed[0], allowed[-1]
                raise WrongUsage(f"{name} is a whole number from {least} to {most}, and {value!r} is not.")
        if self.requests > MOST_REQUESTS:
            raise WrongUsage(f"{self.requests:,} requests are too many: {MOST_REQUESTS:,} is the limit.")
        if self.at_once > MOST_AT_ONCE:
            raise WrongUsage(
                f"Up to {self.at_once:,} requests could wait for an answer at once: {MOST_AT_ONCE:,} is the limit.",
                "Lower rate_per_second or timeout_seconds.",
            )

    @property
    def requests(self) -> int:
        """The number of requests."""
        return self.rate_per_second * self.seconds

    @property
    def at_once(self) -> int:
        """The largest number of requests that can wait for an answer at once, with some to spare."""
        return min(self.requests, self.rate_per_second * (self.timeout_seconds + 1))

    def environment(self, address: str) -> dict[str, str]:
        """Return the plan as the container of the image ``load`` reads it."""
        method, path = self.request.split(" ", 1)
        body = None if self.json is None else json.dumps(self.json)
        plan = {**asdict(self), "method": method, "url": address + path, "body": body, "at_once": self.at_once}
        return {"LOAD": json.dumps(plan)}


@dataclass
class Load:
    """Load that is sent while the block runs; after it all requests are data.

    ``requests`` has a row for each, in the order they were due: ``time`` (UTC) when it was due; ``status``, the HTTP
    status, missing without an answer; ``seconds`` from then to the answer or the failure; ``error``, the reason for no
    answer; ``late_seconds``, the generator's own delay in it. ``cpu_percent`` (100 = one core, its limit) is the CPU
    that the generator used; ``dropped`` is the number of requests that it could not send.
    """

    plan: Plan
    running: Running = field(repr=False)
    requests: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS), repr=False)
    cpu_percent: float = float("nan")
    dropped: int = 0

    def end(self) -> None:
        """End the load before its time; requests without an answer yet are in no row."""
        with contextlib.suppress(APIError):  # it may have ended by itself
            self.running.exec(*INTERRUPT)

    def finish(self) -> None:
        """Wait for the last answer and read the results. Raises WorkshopError if the generator failed."""
        try:
            self.running.container.wait(timeout=self.plan.seconds + self.plan.timeout_seconds + SPARE_SECONDS)
        except RequestException as error:
            raise WorkshopError("The load generator does not end.", output=self.running.log_tail()) from error
        lines = _json_lines(self.running.container.logs(stdout=True, stderr=False))
        totals = {key: value for line in lines if "due" not in line for key, value in line.items()}
        if "dropped" not in totals:
            raise WorkshopError("The load generator failed.", "Read its last lines.", output=self.running.log_tail())
        self.requests = frame([line for line in lines if "due" in line and not line["error"].endswith(CUT_OFF)])
        self.dropped = int(totals["dropped"])
        self.cpu_percent = 100 * totals["cpu_seconds"] / totals["wall_seconds"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.running.remove()

    def __str__(self) -> str:
        good = int(self.requests["status"].between(200, 399).sum())
        slow = self.requests["seconds"].quantile(0.95)
        return (
            f"{len(self.requests)} × {self.plan.request} at {self.plan.rate_per_second:g}/s: {good} good, "
            f"95 % within {slow:.3f} s; the generator took {self.cpu_percent:.0f} % of a core"
        )


def load(where: Where, service: str | None = None, /, *, request: str = "GET /orders", **plan: Any) -> Load:
    """Send requests to a service while a block runs: ``with load(stack, request="GET /orders") as sent:``.

    ``where`` is the stack, with the name of a service (``"service"`` if none is given), or a container that
    `engine.containers.run` returned; ``request`` and ``plan`` are those of `Plan`. The block's end waits for the last
    answer; an exception in the block ends the load at once. Raises WorkshopError as `faults.fault` does.
    """
    planned = Plan(request, **plan)
    container = target(where, service or ("service" if isinstance(where, Stack) else None))
    network = next(iter(container.attrs["NetworkSettings"]["Networks"]), None)
    ports = [port for port in container.attrs["Config"].get("ExposedPorts") or {} if port.endswith("/tcp")]
    if network is None or not ports:
        raise WorkshopError(f"{container.name} cannot be reached: it is on no network, or declares no port.")
    host = container.labels.get(COMPOSE_SERVICE) or container.id[:12]
    spec = Spec(
        images.tags(CHECKOUT)["load"],
        environment=planned.environment(f"http://{host}:{ports[0].removesuffix('/tcp')}"),
        network=network,
        memory_bytes=MEMORY_BYTES,
        cpus=CPUS,
    )
    return Load(planned, containers.run(where.session, spec))


def frame(lines: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the lines that load.js writes as the table of `Load.requests`."""
    found = pd.DataFrame(lines, columns=["due", "late_ms", "took_ms", "status", "error"]).sort_values("due")
    answered = found["status"] != 0
    return pd.DataFrame(
        {
            "time": pd.to_datetime(found["due"], unit="ms", utc=True),
            "status": found["status"].where(answered).astype("Int64"),
            "seconds": (found["late_ms"] + found["took_ms"]) / 1000,
            "error": found["error"].where(~answered, "").astype(str),
            "late_seconds": found["late_ms"] / 1000,
        }
    ).reset_index(drop=True)


def _json_lines(output: bytes) -> list[dict[str, Any]]:
    """The lines that are JSON objects: k6's own warnings are none."""
    lines = [line for line in output.decode(errors="replace").split("\n") if line.startswith("{")]
    return [json.loads(line) for line in lines]
