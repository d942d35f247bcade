"""Whether a check may blame the code for being late: the waits that ended by their limit, and a control beside them.

A check notes each wait that ended by its limit. If it then finds something wrong, it asks the control. Where that was
slow, too, the machine may be to blame, and the code is not judged. On an idle machine the control is quick, and code
that hangs is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from workshop_kit.engine import control
from workshop_kit.engine.control import NEXT_STEP, Control
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotInTime
from workshop_kit.trials.result import Result, Verdict

BLAMES = (Verdict.WRONG, Verdict.DID_NOT_START, Verdict.LUCKY)


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


def judge_waits(check: Callable[[], Result], waits: Waits, session: Session) -> Result:
    """Run a check; return its result, or "not judged" if a wait ended by its limit and the control was slow, too.

    Raises NotInTime if the engine was late and the control was quick.
    """
    try:
        result = check()
    except NotInTime as error:
        measured = control.measure(session)
        if not measured.is_slow:
            raise
        return not_judged(error.what.rstrip("."), measured)

    wait = waits.longest
    if wait is None or result.verdict not in BLAMES:
        return result

    measured = control.measure(session)
    if measured.is_slow:
        return not_judged(str(wait), measured)
    return result


def not_judged(waited: str, measured: Control) -> Result:
    """Return the result of a check whose machine was too slow to judge; ``waited`` says for what, and how long."""
    wait_sentence = f"{waited[:1].upper()}{waited[1:]}."
    return Result.not_judged(f"{wait_sentence} {measured} That says nothing of your code. {NEXT_STEP}")
