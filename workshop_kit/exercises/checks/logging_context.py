"""The check of lesson 03 on whose line it is: many requests at once, and every line has the id of its own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from workshop_kit.exercises.checks import logging_look
from workshop_kit.exercises.checks.logging_look import Log
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.start_failure import wait_started
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

AT_ONCE = 8
LIBRARY = "a library"
WAYS = {
    "itself": "the service itself",
    LIBRARY: "a library",
    "a thread": "a thread of the request",
    "an exception": "code that caught an exception",
}

Fields = Mapping[str, Any]


@check("logging.context")
def request_context(context: Context) -> CheckResult:
    """Ask as many at once, while the service does something for nobody in particular; read ``docker logs``."""
    ids = ids_of(context.seed)
    with logging_look.run(context) as tried:
        if problem := wait_started(tried):
            return problem
        context.report(Step("Check", None, f"asking as {AT_ONCE} customers at once"))
        _ask_at_once(tried, ids)
        log = logging_look.look(tried, lambda log: len(log.having(msg="request", route="/orders")) > AT_ONCE)
        findings = findings_in(log, ids)
        if all(finding.passed for finding in findings):
            return CheckResult("One id leads to all lines of a request, and to no line of another.", findings)
        first = next(finding.means for finding in findings if not finding.passed)
        return CheckResult(first, findings, output=tried.lines())


def findings_in(log: Log, ids: Mapping[str, str]) -> tuple[Finding, ...]:
    """What there is to find in the log of a service that customers with these ids have asked at once."""
    return (*(_by(way, log, ids) for way in WAYS), _last(log, ids), _outside(log))


def ids_of(seed: int) -> dict[str, str]:
    """Return the customers, and the id that each gives to its request."""
    chance = random.Random(f"logging.context {seed}")  # noqa: S311  # no secret
    return {f"customer-{number}": f"{chance.randrange(16**8):08x}" for number in range(AT_ONCE)}


def _ask_at_once(tried: Trial, ids: Mapping[str, str]) -> None:
    tried.get("/orders?trial=beat")

    def ask(who: str) -> None:
        tried.get(f"/orders?trial=slow&who={who}", headers={"X-Request-ID": ids[who]}, within_seconds=4)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, ids))


def _of(log: Log, way: str, who: str) -> list[Fields]:
    if way == LIBRARY:
        return log.having(logger="some_library", msg=f"asked by {who}")
    return log.having(who=who, by=way)


def _by(way: str, log: Log, ids: Mapping[str, str]) -> Finding:
    lines = {who: _of(log, way, who) for who in ids}
    right = [who for who, own in lines.items() if own and all(one.get("request_id") == ids[who] for one in own)]
    wrong = [who for who, own in lines.items() if any(one.get("request_id") not in (None, ids[who]) for one in own)]
    got = f"{len(right)} of {AT_ONCE} have their own id"
    got += f", {len(wrong)} that of another" if wrong else ""
    means = f"Whoever searches for an id does not find what {WAYS[way]} logged for that request."
    if wrong:
        means = "Lines carry the id of another request: whoever looks for one customer's trouble reads another's."
    return found(
        len(right) == AT_ONCE,
        f"{AT_ONCE} requests at once, each with an X-Request-ID: the id in what {WAYS[way]} logged",
        got,
        f"all {AT_ONCE}",
        means,
        "The requests take turns: while one waits, the next is served. Who else writes to what you keep the id in?",
    )


def _last(log: Log, ids: Mapping[str, str]) -> Finding:
    counts = {who: len(log.having(msg="request", route="/orders", request_id=own)) for who, own in ids.items()}
    right = sum(count == 1 for count in counts.values())
    return found(
        right == AT_ONCE,
        "Look for the line that each request ends with",
        f"{right} of {AT_ONCE} ids have one",
        "each id has one",
        "How a request ended cannot be found by its id: the id was gone, or another's, by then.",
        "Is it still the request's own context when others have ended meanwhile?",
    )


def _outside(log: Log) -> Finding:
    beats = log.having(msg="beat")
    strange = [one for one in beats if "request_id" in one]
    return found(
        bool(beats) and not strange,
        "Look at lines of what the service does for no request",
        f"{len(strange)} of {len(beats)} have the id of a request",
        "none has one",
        "Work that nobody asked for is put down to a customer.",
        "What does a task see that was not started by the request?",
    )
