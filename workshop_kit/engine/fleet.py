"""Several instances of one service behind a proxy, restarted one after the other while customers are served."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec, like
from workshop_kit.progress import Report, Step, silent

ROOT = Path(__file__).resolve().parents[2]
MOST = 8
STATISTICS_PORT = 8404
MEMORY_BYTES = 64 * 1024 * 1024
READY_SECONDS = 60.0

Stop = Callable[[Running], None]


@dataclass(frozen=True)
class Fleet:
    """The instances, and the proxy before them: ``proxy.url()`` is where customers ask."""

    instances: tuple[Running, ...]
    proxy: Running

    def states(self) -> dict[str, str]:
        """What the proxy thinks of each instance, by its short id: ``UP``, ``DOWN``, ``MAINT`` (its name is unknown).

        Empty while the proxy itself does not answer.
        """
        try:
            text = httpx.get(f"{self.proxy.url(STATISTICS_PORT)}/stats;csv", trust_env=False, timeout=5).text
        except httpx.TransportError:
            return {}
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        servers = [row for row in rows if row["pxname"] == "service" and row["svname"] != "BACKEND"]
        return {row["svname"]: row["status"] for row in servers}

    def wait_up(self) -> None:
        """Wait until the proxy sends customers to every instance. Raises WorkshopError if it does not."""
        for instance in self.instances:
            name = _name(instance)
            self.proxy.wait_until(
                lambda name=name: self.states().get(name) == "UP",  # type: ignore[misc]
                within_seconds=READY_SECONDS,
                what=f"see {name} up",
            )

    def roll(self, stop: Stop | None = None, report: Report = silent) -> list[int]:
        """Restart one instance after the other, each only when all are up; return their exit codes, in order.

        ``stop`` does it its own way; else SIGTERM, and SIGKILL after ten seconds.
        """
        codes = []
        for number, instance in enumerate(self.instances):
            report(Step("Rolling restart", number / len(self.instances), _name(instance)))
            self.wait_up()
            (stop or Running.stop)(instance)
            codes.append(instance.wait_ended().code)
            instance.container.start()
            instance.wait_ready(within_seconds=READY_SECONDS)
        self.wait_up()
        report(Step("Rolling restart", 1.0, done=True))
        return codes


@contextmanager
def fleet(session: Session, container: Any, count: int = 2, **changes: Any) -> Iterator[Fleet]:
    """Run ``count`` (2 to 8) instances like ``container``, with changes of its `Spec`, behind a proxy, for a block.

    ``container`` is the SDK's, such as ``stack.container("service")``; it keeps running and is not part of the fleet.
    Raises WorkshopError in one sentence if one does not get ready.
    """
    if not 2 <= count <= MOST:
        raise ValueError(f"a fleet has 2 to {MOST} instances")
    with ExitStack() as block:
        spec = like(container, **changes)
        instances = tuple(block.enter_context(containers.run(session, spec)) for _ in range(count))
        for instance in instances:  # not left to the proxy: until its first look it takes everybody to be up
            instance.wait_ready(within_seconds=READY_SECONDS)
        proxy = Spec(
            images.tags(ROOT)["proxy"],
            command=tuple(map(_name, instances)),
            network=spec.network,
            ports=(8080, STATISTICS_PORT),
            memory_bytes=MEMORY_BYTES,
            dns_options=("timeout:1", "attempts:1"),
        )
        made = Fleet(instances, block.enter_context(containers.run(session, proxy)))
        made.wait_up()
        yield made


def _name(instance: Running) -> str:
    return instance.id[:12]
