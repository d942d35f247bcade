"""The check of config.limits: orders while Redis, the replica or the master hangs, and while each refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workshop_kit.checks import config
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check, entry_of
from workshop_kit.trials.dependency_proxies import (
    HANGS,
    HOST_VARIABLES,
    OPEN,
    REFUSES,
    DependencyProxies,
    Faults,
    start_proxies,
)
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

LIMITS = findings("config.limits")
STATES: Mapping[str, Faults] = {"hangs": HANGS, "refuses": REFUSES}
# The limits that cache.py and app.py name.
REDIS_SECONDS = 0.2
REPLICA_SECONDS = 0.5
MASTER_SECONDS = 1.5
GRACE_SECONDS = 1.0
PATIENCE_SECONDS = 4.0
"""How long an answer may take until the check gives it up: it tells a late one from none."""
CACHE_SECONDS = 3.0
BACK_SECONDS = 6.0


@dataclass(frozen=True)
class Reply:
    """An answer while a dependency was away: what was asked, and the status and the seconds that it should have."""

    request: str
    answer: Answer
    status: int
    seconds: float
    in_time: bool = True

    @property
    def is_right(self) -> bool:
        """Whether it has the right status, in time."""
        return self.answer.status == self.status and self.in_time

    def __str__(self) -> str:
        return f"{self.request}: {self.answer} after {self.answer.seconds:.1f} s"


Replies = Mapping[str, Sequence[Reply]]
"""What customers got while a dependency was away, by what it did (`STATES`)."""


@check("config.limits")
def limits(context: Context) -> Result:
    """Order and read while one dependency after the other is away, and when all are back; use the cache before."""
    service_trial.ensure_up(context.stack, context.report)
    with run_behind_proxies(context) as (trial, second, proxies, image):
        for instance in (trial, second):
            service_trial.wait_order(instance)
        cache = uses_cache(_order_from_cache(trial, second))
        if not cache.passed:
            return conclude(LIMITS.shown, [cache], trial.log_tail())

        all_findings = [cache]
        for name, ask in ASK.items():
            context.report_step(f"taking {name} away")
            all_findings.append(served(name, _replies(trial, proxies, name, ask)))

        proxies.set(OPEN)
        all_findings.append(recovers(_order_from_cache(trial, trial, BACK_SECONDS)))
        if all(finding.passed for finding in all_findings):
            all_findings += _raises(context, image)
        return conclude(LIMITS.shown, all_findings, trial.log_tail())


@contextlib.contextmanager
def run_behind_proxies(context: Context) -> Iterator[tuple[Trial, Trial, DependencyProxies, str]]:
    """Run the service behind a fault proxy for each dependency, and another instance of it without."""
    environment, without = config.plain_settings(context.stack)
    with (
        start_proxies(context.stack, *HOST_VARIABLES) as proxies,
        service_trial.build(context) as image,
        service_trial.run_with_stack(
            context, image, environment={**environment, **proxies.environment}, without=without
        ) as trial,
        service_trial.run_with_stack(context, image, environment=environment, without=without) as second,
    ):
        yield trial, second, proxies, image


def _order_from_cache(writer: Trial, reader: Trial, within_seconds: float = CACHE_SECONDS) -> Answer:
    """Place orders, and read each with another instance until one comes from the cache; return the last answer."""

    def read() -> Answer:
        order = writer.post("/orders", service_trial.ORDER, within_seconds=PATIENCE_SECONDS)
        if order.status != 201:
            return order
        number = entry_of(order.json(), "id")
        return reader.get(f"/orders/{number}", within_seconds=PATIENCE_SECONDS)

    return writer.poll(read, _is_hit, within_seconds, missing="no order came from the cache")


def _is_hit(answer: Answer) -> bool:
    return answer.status == 200 and answer.headers.get("x-cache") == "hit"


def uses_cache(answer: Answer) -> Finding:
    """Find whether an order that one instance has placed comes from the cache in another."""
    hit = "X-Cache: hit" if _is_hit(answer) else "no X-Cache"
    return LIMITS.equals("cache", f"{answer}, {hit}")


def _raises(context: Context, image: str) -> list[Finding]:
    """Call answer_to() where nothing listens; return no finding where the module has no such function."""
    exception = config.run_inside(context, image, "ask_nobody")
    return [] if exception is None else [LIMITS.equals("raises", exception)]


Ask = Callable[[Trial], list[Reply]]


def _replies(trial: Trial, proxies: DependencyProxies, name: str, ask: Ask) -> Replies:
    """Take a dependency away in each way, and return what customers got; after a wrong answer no other is asked for."""
    replies: dict[str, Sequence[Reply]] = {}
    for state, faults in STATES.items():
        proxies.set(faults, name)
        replies[state] = ask(trial)
        if not all(reply.is_right for reply in replies[state]):
            break
    return replies


def _without_redis(trial: Trial) -> list[Reply]:
    """Place an order, which sets a key, and read it, which asks for the key first."""
    order = _order(trial, 201, REDIS_SECONDS)
    if not order.is_right:
        return [order]

    number = entry_of(order.answer.json(), "id")
    return [order, _read(trial, f"/orders/{number}", 2 * REDIS_SECONDS)]


def _without_replica(trial: Trial) -> list[Reply]:
    return [_read(trial, "/orders", REPLICA_SECONDS)]


def _without_master(trial: Trial) -> list[Reply]:
    return [_order(trial, 503, MASTER_SECONDS), _read(trial, "/orders", 0.0)]


ASK: Mapping[str, Ask] = {"redis": _without_redis, "replica-db": _without_replica, "master-db": _without_master}
"""What customers ask for while a dependency is away."""


def _order(trial: Trial, status: int, seconds: float) -> Reply:
    answer = trial.post("/orders", service_trial.ORDER, within_seconds=PATIENCE_SECONDS, expected=status)
    return _reply(trial, "POST /orders", answer, status, seconds)


def _read(trial: Trial, path: str, seconds: float) -> Reply:
    return _reply(trial, f"GET {path}", trial.get(path, within_seconds=PATIENCE_SECONDS), 200, seconds)


def _reply(trial: Trial, request: str, answer: Answer, status: int, seconds: float) -> Reply:
    limit = seconds + GRACE_SECONDS
    in_time = answer.status is not None and trial.is_in_time(answer, limit)
    return Reply(request, answer, status, limit, in_time)


def served(name: str, replies: Replies) -> Finding:
    """Find whether customers were served, or refused, in time while a dependency was away."""
    failures: list[tuple[str, Reply]] = []
    for state, state_replies in replies.items():
        failures += [(state, reply) for reply in state_replies if not reply.is_right]

    key = name.partition("-")[0]
    if not failures:
        states = [f"it {state}: {', '.join(map(str, state_replies))}" for state, state_replies in replies.items()]
        return LIMITS.passed(key, "; ".join(states))

    state, reply = failures[0]
    way = "waits"
    if name == "master-db" and reply.request.startswith("GET"):
        way = "reads"
    elif reply.answer.status not in {None, reply.status}:
        way = "fails"
    return LIMITS.failed(f"{key}.{way}", f"it {state}: {reply}", limit=reply.seconds, answer=reply.answer, state=state)


def recovers(answer: Answer) -> Finding:
    """Find whether all is well again once all dependencies are back, without a restart."""
    hit = "from the cache" if _is_hit(answer) else "not from the cache"
    got = f"{answer}, {hit}" if answer.status == 200 else str(answer)
    return LIMITS.equals("back", got)
