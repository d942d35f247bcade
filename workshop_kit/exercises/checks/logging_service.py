"""The checks of logging.context and logging.level, and what the checks of logs.py share: a trial and its log."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.trial import Trial
from workshop_kit.observe.logs import read_container, record
from workshop_kit.progress import Step

ORDERS = "orders.py"
INSIDE = Path(__file__).with_name("logging_inside.py")
WRAPPED = "\nfrom . import inside as _inside\n\nrecent = _inside.around(recent)\n"
CANARY = "canary-3f9c51"
"""A value that no line may show. logging_inside.py, which cannot be imported here, has the same one."""
WAIT_SECONDS = 2.0

AT_ONCE = 8
LIBRARY = "a library"
WAYS = {
    "itself": "the service itself",
    LIBRARY: "a library",
    "a thread": "a thread of the request",
    "an exception": "code that caught an exception",
}
"""The field ``by`` of a line that logging_inside.py writes, and who has logged it."""

LEVEL_PATH = "/admin/log-level"
LEVELS = {"debug": (True, True), "info": (False, True), "error": (False, False)}
"""Whether the log has the line of a probe, and of a customer's request, at each level."""


@dataclass(frozen=True)
class Log:
    """All lines of ``docker logs``: the rows, and each as its fields ({} if it is no JSON object)."""

    frame: pd.DataFrame
    records: tuple[Mapping[str, Any], ...]

    def having(self, **fields: Any) -> list[Mapping[str, Any]]:
        """Return the records with these values."""
        return [one for one in self.records if all(one.get(name) == value for name, value in fields.items())]

    def text(self, row: int) -> str:
        """Return the text of a line that is no JSON object."""
        raw = self.frame["raw"].iloc[row]
        return "" if pd.isna(raw) else str(raw)


def read_log(trial: Trial, complete: Callable[[Log], bool]) -> Log:
    """Read the log until it is complete, or the time is up."""
    ends_at = time.monotonic() + min(WAIT_SECONDS, trial.left_seconds)
    while True:
        frame = read_container(trial.running.container)
        log = Log(frame, tuple(record(frame, row) for row in range(len(frame))))
        if complete(log) or time.monotonic() > ends_at:
            return log
        time.sleep(0.1)


@contextlib.contextmanager
def run(context: Context, **changes: Any) -> Iterator[Trial]:
    """Run the participant's service with logging_inside.py behind ``GET /orders?trial=…``."""
    orders = context.folder / ORDERS
    orders.write_text((context.stack.root / "workshop_app" / ORDERS).read_text() + WRAPPED)
    (context.folder / "inside.py").write_text(INSIDE.read_text())
    with service_trial.start(context, **changes) as trial:
        yield trial


@check("logging.context")
def request_context(context: Context) -> CheckResult:
    """Send several requests at once, while the service also works for no request; read ``docker logs``."""
    ids = ids_of(context.seed)
    with run(context) as trial:
        context.report(Step("Check", None, f"asking as {AT_ONCE} customers at once"))
        trial.get("/orders?trial=beat")

        def ask(who: str) -> None:
            trial.get(f"/orders?trial=slow&who={who}", headers={"X-Request-ID": ids[who]}, within_seconds=4)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(ask, ids))
        log = read_log(trial, lambda log: len(log.having(msg="request", route="/orders")) > AT_ONCE)
        shown = "One id leads to all lines of a request, and to no line of another."
        return conclude(shown, context_findings(log, ids), trial.lines())


def ids_of(seed: int) -> dict[str, str]:
    """Return the customers, and the id that each gives to its request."""
    chance = random.Random(f"logging.context {seed}")  # noqa: S311  # no secret
    return {f"customer-{number}": f"{chance.randrange(16**8):08x}" for number in range(AT_ONCE)}


def context_findings(log: Log, ids: Mapping[str, str]) -> tuple[Finding, ...]:
    """Return the findings on the lines of each way to log, on the last lines, and on lines of no request."""
    last = {who: len(log.having(msg="request", route="/orders", request_id=own)) for who, own in ids.items()}
    right = sum(count == 1 for count in last.values())
    beats = log.having(msg="beat")
    wrong = [one for one in beats if "request_id" in one]
    return (
        *(_logged(way, log, ids) for way in WAYS),
        found(
            right == AT_ONCE,
            "Look for the line that each request ends with",
            f"{right} of {AT_ONCE} ids have one",
            "each id has one",
            "How a request ended cannot be found by its id: the id was gone, or another's, by then.",
            "Is it still the request's own context when others have ended meanwhile?",
        ),
        found(
            bool(beats) and not wrong,
            "Look at lines of what the service does for no request",
            f"{len(wrong)} of {len(beats)} have the id of a request",
            "none has one",
            "Work of no request is put down to a customer.",
            "What does a task see that was not started by the request?",
        ),
    )


def _logged(way: str, log: Log, ids: Mapping[str, str]) -> Finding:
    lines = {who: log.having(who=who, by=way) for who in ids}
    if way == LIBRARY:
        lines = {who: log.having(logger="some_library", msg=f"asked by {who}") for who in ids}
    right = [who for who, own in lines.items() if own and all(one.get("request_id") == ids[who] for one in own)]
    wrong = [who for who, own in lines.items() if any(one.get("request_id") not in (None, ids[who]) for one in own)]
    got = f"{len(right)} of {AT_ONCE} have their own id"
    got += f", {len(wrong)} that of another" if wrong else ""
    means = f"A search for an id does not find what {WAYS[way]} logged for that request."
    if wrong:
        means = "Lines carry the id of another request: a search for one customer's trouble reads another's."
    return found(
        len(right) == AT_ONCE,
        f"{AT_ONCE} requests at once, each with an X-Request-ID: the id in what {WAYS[way]} logged",
        got,
        f"all {AT_ONCE}",
        means,
        "The requests take turns: while one waits, the next is served. Who else writes to what you keep the id in?",
    )


@check("logging.level")
def level(context: Context) -> CheckResult:
    """Set three levels, and send a probe and an order at each; the process must not restart."""
    with run(context, environment={"HTTP_ADMIN": "true"}) as trial:
        started = trial.running.last_start()
        context.report(Step("Check", None, f"PUT {LEVEL_PATH}: debug, info, error, debug"))
        answered = [_set_level(trial, level) for level in LEVELS]
        trial.put(LEVEL_PATH, {"level": "debug"})
        trial.get("/orders/first", headers={"X-Request-ID": "level-last"})
        log = read_log(trial, lambda log: bool(log.having(request_id="level-last")))
        same = trial.running.last_start() == started and trial.exit_code() is None
        shown = "It said more when it was asked to, then less: the same process, not restarted."
        return conclude(shown, level_findings(answered, log, same=same), trial.lines())


def _set_level(trial: Trial, level: str) -> str:
    """Set a level, send a probe and a request, and return the level that the service answers."""
    trial.put(LEVEL_PATH, {"level": level})
    for path, kind in (("/livez", "probe"), ("/orders/first", "request")):
        trial.get(path, headers={"X-Request-ID": f"level-{level}-{kind}"})
    answer = trial.get(LEVEL_PATH).json()
    return str(answer.get("level")) if isinstance(answer, dict) else "nothing"


def level_findings(answered: Sequence[str], log: Log, *, same: bool) -> tuple[Finding, ...]:
    """Return the findings on the levels that it answered, on its lines at each, and on the ``same`` process."""
    wanted = ", ".join(LEVELS)
    return (
        found(
            [*answered] == [*LEVELS],
            f"PUT {LEVEL_PATH}, then GET it: {wanted}",
            ", ".join(answered),
            wanted,
            "It does not take another level.",
            "set_level() is called with the level; level() tells what the root logger has.",
        ),
        *(_lines_at(log, level) for level in LEVELS),
        found(
            same,
            "Look whether it is the same process, started when it was",
            "the same" if same else "it was started anew, or has ended",
            "the same",
            "It was restarted: what was wrong with it cannot be examined any more.",
            "What ends it?",
        ),
    )


def _lines_at(log: Log, level: str) -> Finding:
    probe, request = (
        bool(log.having(request_id=f"level-{level}-{kind}", msg="request")) for kind in ("probe", "request")
    )
    words = {True: "in the log", False: "not in the log"}
    return found(
        (probe, request) == LEVELS[level],
        f"Level {level}: ask /livez, which is logged at debug, and for an order, at info",
        f"the probe is {words[probe]}, the order {words[request]}",
        f"the probe {words[LEVELS[level][0]]}, the order {words[LEVELS[level][1]]}",
        f"It says that its level is {level}, and logs as if nobody had asked: by the time you have restarted it, the "
        "incident is over, and so is what was to be seen.",
        "When is it decided whether a level is worth a line, and how often?",
    )
