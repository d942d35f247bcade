"""Whether a check may blame the code for being late: the waits that ended by their limit, and a control beside them.

A check notes each wait that ended by its limit. If it then finds something wrong, an empty container is started and
timed. Where that was slow, too, the machine may be to blame, and the code is not judged. On an idle machine the control
is quick, and code that hangs is wrong.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import NotInTime
from workshop_kit.patience import VARIABLE, waiting_now
from workshop_kit.trials.result import Result, Verdict

SLOW_SECONDS = 1.5
"""An idle engine starts and ends an empty container in less, also one in a virtual machine."""
MANY_PER_CORE = 4.0
"""With so many programs for each core, any program waits most of its time."""
LOOKS = 5
LOOK_SECONDS = 0.1
BLAMES = (Verdict.WRONG, Verdict.DID_NOT_START, Verdict.LUCKY)
NEXT_STEP = f"Close what else runs, and check again. {VARIABLE}=20 makes every limit 20 times as long."


@dataclass(frozen=True)
class Wait:
    """A wait that ended by its limit: what did not come, and the seconds that were really waited."""

    what: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.what} after {self.seconds:.1f} s"


@dataclass
class Waits:
    """The waits of a check that ended by their limit."""

    ended: list[Wait] = field(default_factory=list)

    def add(self, what: str, seconds: float) -> None:
        """Note a wait; ``what`` says in a few words what did not come (``no answer to GET /livez on port 8080``)."""
        self.ended.append(Wait(what, seconds))

    @property
    def longest(self) -> Wait | None:
        """The longest one; None if none ended by its limit."""
        return max(self.ended, key=lambda wait: wait.seconds, default=None)


@dataclass(frozen=True)
class Control:
    """What this machine needs now: the seconds for an empty container, and the programs for each core."""

    container_seconds: float
    programs_per_core: float

    @property
    def is_slow(self) -> bool:
        """Whether time is no evidence against the code."""
        return self.container_seconds > SLOW_SECONDS or self.programs_per_core > MANY_PER_CORE

    def __str__(self) -> str:
        container = f"an empty container took {self.container_seconds:.1f} s to start and end"
        return f"{container}, and {self.programs_per_core:.0f} programs wanted each core"


def measure(stack: Stack) -> Control:
    """Run an empty container, and count the programs that wait for a core."""
    image = recipes.tags(stack.root)["base"]
    programs = _programs_per_core()
    began = time.monotonic()
    try:
        with containers.run(stack.session, Spec(image, command=("true",), network="none")) as running:
            running.wait_ended()
    except NotInTime:
        pass  # it was slow, and the seconds say so

    container_seconds = time.monotonic() - began
    return Control(container_seconds, programs)


def _programs_per_core() -> float:
    """Return the median of a few counts: for a moment, many programs may run on an idle machine, too."""
    counts = []
    for _ in range(LOOKS):
        counts.append(waiting_now())
        time.sleep(LOOK_SECONDS)
    return statistics.median(counts)


def judge(check: Callable[[], Result], waits: Waits, stack: Stack) -> Result:
    """Run a check; return its result, or "not judged" if a wait ended by its limit and the control was slow, too.

    Raises NotInTime if the engine was late and the control was quick.
    """
    try:
        result = check()
    except NotInTime as error:
        control = measure(stack)
        if not control.is_slow:
            raise
        return not_judged(error.what.rstrip("."), control)

    wait = waits.longest
    if wait is None or result.verdict not in BLAMES:
        return result

    control = measure(stack)
    if control.is_slow:
        return not_judged(str(wait), control)
    return result


def not_judged(waited: str, control: Control) -> Result:
    """Return the result of a check whose machine was too slow to judge; ``waited`` says for what, and how long."""
    wait_sentence = f"{waited[:1].upper()}{waited[1:]}."
    slow_sentence = f"This machine was slow meanwhile: {control}."
    return Result.not_judged(f"{wait_sentence} {slow_sentence} That says nothing of your code. {NEXT_STEP}")
