"""The memory of a participant's complete stack: ten of them side by side on one engine.

The working set counts, as in ``docker stats``: used memory without the file cache that the kernel can reclaim. A file
that ten stacks read is charged to the first reader, so the median over the stacks is reported.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Mapping, Sequence

from benchmarks._rows import Row, show
from benchmarks._workspace import own_session
from workshop_kit.engine import monitoring
from workshop_kit.engine.stack import Stack
from workshop_kit.machine import MIB
from workshop_kit.observe import stats
from workshop_kit.observe.engine_api import get_json
from workshop_kit.terminal import TerminalReport
from workshop_kit.workspace import provision

STACKS = 10
SETTLED_SECONDS = 60  # thirty scrapes of each target
ALL = ("service", "parameter-store", "collector", *monitoring.SERVICES)  # what they depend on comes with them
AIM = "≤ 350 MiB"


def working_sets_mib(stack: Stack) -> dict[str, float]:
    """Read the working set of each container. Raises KeyError or TypeError if one of them does not run."""
    found = {}
    for service, container in stack.containers().items():
        answer = get_json(stack.session.engine, f"/containers/{container.id}/stats?stream=0&one-shot=1")
        found[service] = stats.working_set(answer["memory_stats"]) / MIB
    return found


def rows(found: Sequence[Mapping[str, float]]) -> list[Row]:
    """Return the rows of the complete stack and of its parts, the largest first: medians over the stacks."""
    count = len(found)
    totals = [sum(each.values()) for each in found]
    spread = f"from {min(totals):.0f} to {max(totals):.0f} MiB"
    work = f"one stack of {len(found[0])} containers, {count} side by side ({spread})"
    parts = {name: statistics.median(each[name] for each in found) for name in found[0]}
    largest_first = sorted(parts.items(), key=lambda part: -part[1])
    return [
        Row(work, statistics.median(totals), count, AIM, unit="MiB"),
        *(Row(f"  of which {name}", mib, count, unit="MiB") for name, mib in largest_first),
    ]


def main() -> None:
    """Start stacks, each in a workspace of its own; wait until they settle, and measure."""
    made = []
    with contextlib.ExitStack() as block, TerminalReport() as report:
        for _ in range(STACKS):
            made.append(provision.stack_of(*block.enter_context(own_session())))
            made[-1].up(*ALL, report=report)
        time.sleep(SETTLED_SECONDS)
        show(rows([working_sets_mib(stack) for stack in made]))


if __name__ == "__main__":
    main()
