"""The check of config.limits: orders while Redis, the replica or the master hangs, and while each refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workshop_kit.checks import config
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check, entry_of
from workshop_kit.trials.dependency_proxies import HANGS, HOST_VARIABLES, REFUSES, Faults
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.trial import Trial

LIMITS = findings("config.limits")
STATES: Mapping[str, Faults] = {"hangs": HANGS, "refuses": REFUSES}
# The limits that cache.py and app.py name.
REDIS_SECONDS = 0.2
REPLICA_SECONDS = 0.5
MASTER_SECONDS = 1.5
GRACE_SECONDS = 1.0
PATIENCE_SECONDS = 4.0
"""How long the check waits for an answer: longer than the limits, to tell a late answer from none."""
CACHE_SECONDS = 3.0
BACK_SECONDS = 6.0


@dataclass(frozen=True)
class Reply:
    """An answer while a dependency was away; ``status`` is what it should have, ``seconds`` what it may take."""

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
"""The replies while a dependency was away, by its state (a key of `STATES`)."""


@check("config.limits")
def limits(context: Context) -> Result:
    """Place and read orders: from the cache, then while each dependency in turn is away, and once all are back."""
    environment, without = config.settings_with_passwords(context.stack)
    with (
        Service(context) as service,
        service.run([*HOST_VARIABLES], environment, without=without) as trial,
        service.run((), environment, without=without) as second,
    ):
        for instance in (trial, second):
            service_trial.wait_order(instance)
        cached_order = _order_from_cache(trial, second)
        cache = cache_finding(cached_order)
        if not cache.passed:
            return conclude(LIMITS.success_summary, [cache], trial.log_tail())

        all_findings = [cache]
        for name, ask in ASK.items():
            context.report_step(f"taking {name} away")
            replies = _collect_replies(trial, name, ask)
            all_findings.append(replies_finding(name, replies))

        trial.restore()
        order = _order_from_cache(trial, trial, BACK_SECONDS)
        all_findings.append(recovery_finding(order))
        if all(finding.passed for finding in all_findings):
            all_findings += _exception_findings(context, service.build())
        return conclude(LIMITS.success_summary, all_findings, trial.log_tail())


def _order_from_cache(writer: Trial, reader: Trial, within_seconds: float = CACHE_SECONDS) -> Answer:
    """Place orders at one instance and read each from the other, until one comes from the cache.

    Return the last answer.
    """

    def place_and_read() -> Answer:
        order = writer.post("/orders", service_trial.ORDER, within_seconds=PATIENCE_SECONDS)
        if order.status != 201:
            return order
        order_id = entry_of(order.json(), "id")
        return reader.get(f"/orders/{order_id}", within_seconds=PATIENCE_SECONDS)

    return writer.poll(place_and_read, _is_hit, within_seconds, missing="no order came from the cache")


def _is_hit(answer: Answer) -> bool:
    """Return whether an answer is an order from the cache."""
    return answer.status == 200 and answer.headers.get("x-cache") == "hit"


def cache_finding(answer: Answer) -> Finding:
    """Find whether a second instance answers from the cache with an order that the first one took."""
    hit = "X-Cache: hit" if _is_hit(answer) else "no X-Cache"
    return LIMITS.equals("cache", f"{answer}, {hit}")


def _exception_findings(context: Context, image: str) -> list[Finding]:
    """Let answer_to() ask a port where nothing listens; return the finding on its exception.

    Return no finding if the module has no such function.
    """
    exception = config.run_inside(context, image, "ask_nobody")
    return [] if exception is None else [LIMITS.equals("raises", exception)]


Ask = Callable[[Trial], list[Reply]]


def _collect_replies(trial: RunningService, name: str, ask: Ask) -> Replies:
    """Let a dependency hang, then refuse; return the replies in each state. A wrong reply ends the series."""
    replies_by_state: dict[str, Sequence[Reply]] = {}
    for state, faults in STATES.items():
        trial.proxies.set(faults, name)
        replies = ask(trial)
        replies_by_state[state] = replies
        if not all(reply.is_right for reply in replies):
            break
    return replies_by_state


def _ask_without_redis(trial: Trial) -> list[Reply]:
    """Place an order and read it: the service asks Redis once for the first, and twice for the second."""
    placed = _place_order(trial, 201, REDIS_SECONDS)
    if not placed.is_right:
        return [placed]

    order_id = entry_of(placed.answer.json(), "id")
    return [placed, _get(trial, f"/orders/{order_id}", 2 * REDIS_SECONDS)]


def _ask_without_replica(trial: Trial) -> list[Reply]:
    """Read the orders, which come from the master instead."""
    return [_get(trial, "/orders", REPLICA_SECONDS)]


def _ask_without_master(trial: Trial) -> list[Reply]:
    """Place an order, which is refused, and read the orders, which come from the replica as usual."""
    return [_place_order(trial, 503, MASTER_SECONDS), _get(trial, "/orders", 0.0)]


ASK: Mapping[str, Ask] = {
    "redis": _ask_without_redis,
    "replica-db": _ask_without_replica,
    "master-db": _ask_without_master,
}
"""The requests while a dependency is away, by its name."""


def _place_order(trial: Trial, status: int, seconds: float) -> Reply:
    """Place an order, whose answer should have this status and come within these seconds."""
    answer = trial.post("/orders", service_trial.ORDER, within_seconds=PATIENCE_SECONDS, expected=status)
    return _reply_to(trial, "POST /orders", answer, status, seconds)


def _get(trial: Trial, path: str, seconds: float) -> Reply:
    """Read a path, whose answer should have the status 200 and come within these seconds."""
    answer = trial.get(path, within_seconds=PATIENCE_SECONDS)
    return _reply_to(trial, f"GET {path}", answer, 200, seconds)


def _reply_to(trial: Trial, request: str, answer: Answer, status: int, seconds: float) -> Reply:
    """Return the reply to a request, with some seconds of grace for a busy machine."""
    limit = seconds + GRACE_SECONDS
    in_time = answer.status is not None and trial.is_in_time(answer, limit)
    return Reply(request, answer, status, limit, in_time)


def replies_finding(name: str, replies: Replies) -> Finding:
    """Find whether customers were served, or refused, in time while the dependency ``name`` was away.

    The finding is on the first wrong reply.
    """
    key, _, _ = name.partition("-")
    wrong_replies: list[tuple[str, Reply]] = []
    for state, state_replies in replies.items():
        wrong_replies += [(state, reply) for reply in state_replies if not reply.is_right]
    if not wrong_replies:
        return LIMITS.passed(key, _describe(replies))

    state, reply = wrong_replies[0]
    is_read_without_master = name == "master-db" and reply.request.startswith("GET")
    has_wrong_status = reply.answer.status not in {None, reply.status}
    way_to_fail = "waits"
    if is_read_without_master:
        way_to_fail = "reads"
    elif has_wrong_status:
        way_to_fail = "fails"

    observation = f"it {state}: {reply}"
    values = {"limit": reply.seconds, "answer": reply.answer, "state": state}
    return LIMITS.failed(f"{key}.{way_to_fail}", observation, **values)


def _describe(replies: Replies) -> str:
    """Return the replies in each state as one text."""
    texts: list[str] = []
    for state, state_replies in replies.items():
        state_text = ", ".join(str(reply) for reply in state_replies)
        texts.append(f"it {state}: {state_text}")
    return "; ".join(texts)


def recovery_finding(answer: Answer) -> Finding:
    """Find whether an order comes from the cache once all dependencies are back, without a restart."""
    observation = str(answer)
    if answer.status == 200:
        source = "from the cache" if _is_hit(answer) else "not from the cache"
        observation = f"{answer}, {source}"
    return LIMITS.equals("back", observation)
