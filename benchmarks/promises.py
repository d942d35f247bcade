"""What the service promises while its dependencies and its copies fail. If a promise is not kept, the exit code is 1.

30 customers order, each sends its next order after the answer, and repeats none. An order is lost if it was answered
201 and has no row in the database; it is doubled if it has two. An answer of a probe is false if its status is not the
one that the fault makes true. Secrets are searched in every line of every container, whole and in parts of six
characters, in five encodings.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from docker.errors import NotFound

from benchmarks import _verdicts
from benchmarks._customers import CUSTOMERS, PATIENCE_SECONDS, customers, pause_until_the_limit
from benchmarks._rows import Row, format_value, show
from benchmarks._verdicts import Order, Promise, SentRequest
from benchmarks._workspace import own_session
from tests.conftest import like
from tests.workshop_app import probes
from tests.workshop_app.probes import FAULTS, Break, probe, wait_answer, wait_ready
from workshop_kit import provision
from workshop_kit.engine import containers, recipes
from workshop_kit.engine.containers import EXEC_TRIES, Running, Spec
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import SECRETS, Stack
from workshop_kit.errors import NotInTime, WorkshopError
from workshop_kit.faults.injection import fault
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.observe.leaks import new_canary
from workshop_kit.reporting import Report, Step
from workshop_kit.terminal import TerminalReport, say, say_error

TASK = "Promises"
DEPENDENCIES = ("master-db", "replica-db", "redis")
TRUE_STATUS = {"/health": 503, "/readyz": 503, "/livez": 200}
"""The right status of each path while a critical dependency is not available."""
DEEP = ("/health", "/readyz")
DEEP_SECONDS = 1.0
LIVE_SECONDS = 0.1
PROBE_SECONDS = 3.0
SETTLE_SECONDS = 2.0
OTHER_PASSWORD = "a wrong password"

# So many orders are placed, and so many containers killed, or more.
ORDERS = 2_000
KILLS = 20
COPIES = 3
COPY_SECONDS = 1.5
"""A copy is killed again at most so long after it is ready."""
SERVING_SECONDS = (1.0, 4.0)
"""The shortest and the longest time for which all dependencies serve until one of them is killed."""
AWAY_SECONDS = (0.2, 1.0)
"""The shortest and the longest time for which that one is not available."""
LIMIT_SECONDS = 120.0
COUNT = """
SELECT item, COUNT(*) FROM orders WHERE item LIKE '{name}-%' GROUP BY item;
SELECT '{total}', COUNT(*) FROM orders WHERE item LIKE '{name}-%'
"""

STOPS = 6
OPERATORS_PORT = 8404
"""The port of HAProxy's statistics, which name the copies that are ready."""

AT_ONCE = 200
NO_ORDER = 900_000_000_000_000_000
"""No order has this id or a larger one, so a request for it goes to all dependencies."""
LINE_SECONDS = 10.0
"""The longest time until a line that a container has written can be read from the engine."""


class Log:
    """Every line that the containers of a session have written, also those of containers that were removed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._texts: dict[str, bytes] = {}

    def collect(self) -> None:
        """Read the logs of all containers of the session; call it before one of them is removed."""
        label = f"{SESSION}={self._session.identity.workspace_id}"
        client = self._session.engine.client
        for container in client.containers.list(all=True, filters={"label": label}, ignore_removed=True):
            with contextlib.suppress(NotFound):
                self._texts[container.id] = container.logs()

    def lines(self) -> list[bytes]:
        """Return all lines that were collected."""
        lines = [line for text in self._texts.values() for line in text.split(b"\n")]
        return [line for line in lines if line]


@dataclass(frozen=True)
class Trial:
    """The stack and the log that all trials use; ``secrets`` are those of the stack and a wrong password, by name."""

    stack: Stack
    log: Log
    secrets: Mapping[str, str] = field(repr=False)
    report: Report

    def report_step(self, detail: str, fraction: float | None = None) -> None:
        """Report what is being done."""
        self.report(Step(TASK, fraction, detail))


Probes = dict[str, list[Answer]]
"""The answers of probes, by path."""


def health_in_faults(trial: Trial) -> list[Promise]:
    """Measure health probes in nine faults, before customers come and while they wait for their orders."""
    wrong_password: Break = partial(probes.twin, MASTER_DB_PASSWORD=trial.secrets[OTHER_PASSWORD])
    faults: dict[str, Break] = {**FAULTS, "wrong password": wrong_password}

    without_customers: dict[str, Probes] = {}
    with_customers: dict[str, Probes] = {}
    for number, (name, inject) in enumerate(faults.items()):
        trial.report_step(f"health in the fault: {name}", number / len(faults))
        without_customers[name], with_customers[name] = probe_in_fault(trial, inject)
    wait_ready(trial.stack.url())

    where = f"in {len(faults)} faults"
    where_customers_wait = f"{where}, {CUSTOMERS} customers waiting"
    return [
        *judge_times(where, without_customers),
        *judge_times(where_customers_wait, with_customers),
        judge_statuses(where, [*without_customers.items(), *with_customers.items()]),
    ]


def probe_in_fault(trial: Trial, inject: Break) -> tuple[Probes, Probes]:
    """Inject a fault and return the answers of probes in it, first without customers, then with them."""
    wait_ready(trial.stack.url())
    with inject(trial.stack) as url:
        wait_answer(lambda: probe(url, "/readyz").status == TRUE_STATUS["/readyz"])
        without_customers = probes.probe_for(url, PROBE_SECONDS)

        with customers("wait", lambda: url, pause_until_the_limit):
            time.sleep(SETTLE_SECONDS)
            with_customers = probes.probe_for(url, PROBE_SECONDS)
        trial.log.collect()
    return without_customers, with_customers


def judge_times(where: str, answers_by_fault: Mapping[str, Probes]) -> list[Promise]:
    """Judge the slowest deep probe, and the 99th percentile of liveness in the fault in which it is worst."""
    deep_seconds: dict[str, float] = {}
    live_seconds: dict[str, float] = {}
    deep_count = 0
    live_count = 0
    for name, answers in answers_by_fault.items():
        deep_seconds[name] = _slowest_deep_seconds(answers)
        live_seconds[name] = probes.p99_seconds(answers["/livez"])
        deep_count += sum(len(answers[path]) for path in DEEP)
        live_count += len(answers["/livez"])

    return [
        time_promise(f"/health and /readyz {where}", deep_seconds, DEEP_SECONDS, deep_count, "slowest"),
        time_promise(f"/livez {where}", live_seconds, LIVE_SECONDS, live_count, "worst p99"),
    ]


def _slowest_deep_seconds(answers: Probes) -> float:
    """Return the time of the slowest probe that asks about dependencies."""
    return max(probes.slowest_seconds(answers[path]) for path in DEEP)


def time_promise(work: str, seconds: Mapping[str, float], most: float, runs: int, taken: str) -> Promise:
    """Return the promise that the longest of the ``seconds``, which are by fault, is at most ``most``."""
    row = Row(work, max(seconds.values()), runs, f"≤ {most:.1f} s", taken=taken)
    values = [f"{name} {format_value(seconds_in_fault, 's')}" for name, seconds_in_fault in seconds.items()]
    return Promise(row, most, details=", ".join(values))


def zero_promise(work: str, problems: Sequence[str], runs: int, unit: str) -> Promise:
    """Return the promise that there is no problem; its details are the first ten problems."""
    row = Row(work, len(problems), runs, "0", taken="all", unit=unit)
    return Promise(row, details=", ".join(problems[:10]))


def judge_statuses(where: str, answers_by_fault: Sequence[tuple[str, Probes]]) -> Promise:
    """Judge whether each answer has the status that is true in its fault."""
    false_answers = []
    count = 0
    for name, answers_by_path in answers_by_fault:
        for path, answers in answers_by_path.items():
            count += len(answers)
            false_answers += [f"{name}: {path} {answer}" for answer in answers if answer.status != TRUE_STATUS[path]]

    return zero_promise(f"false answers of probes {where}, with and without customers", false_answers, count, "answers")


class Fleet:
    """Copies of the service that are killed at random and started again; customers know where each one answers."""

    def __init__(self, copies: Sequence[Running]) -> None:
        self.kills = 0
        self._urls = {copy.id: copy.url() for copy in copies}
        self._changed = threading.Condition()

    def address(self) -> str:
        """Return the URL of one of the copies that run; wait if all are being started."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._urls, timeout=PATIENCE_SECONDS):
                raise NotInTime("No copy of the service has come back.", "Run the benchmark again.")
            return random.choice(list(self._urls.values()))

    def kill_at_random(self, copy: Running, stop: threading.Event) -> None:
        """Kill a copy and start it again, until ``stop`` is set.

        Customers learn of it only after the kill, so some of their orders are cut off.
        """
        while not stop.wait(random.uniform(0.0, COPY_SECONDS)):
            copy.container.kill()
            with self._changed:
                del self._urls[copy.id]
                self.kills += 1

            copy.wait_ended()
            copy.container.start()
            copy.wait_ready("/livez")
            url = copy.url()  # the engine has chosen another port
            with self._changed:
                self._urls[copy.id] = url
                self._changed.notify_all()


def kill_dependencies(stack: Stack, stop: threading.Event, kills: list[str]) -> None:
    """Kill one dependency after the other and start it again, until ``stop`` is set.

    The name of each is added to ``kills``, which the main thread watches.
    """
    for dependency in itertools.cycle(random.sample(DEPENDENCIES, len(DEPENDENCIES))):
        if stop.wait(random.uniform(*SERVING_SECONDS)):
            return
        with fault("kill", stack, dependency):
            time.sleep(random.uniform(*AWAY_SECONDS))
        wait_well(stack)
        kills.append(dependency)


def wait_well(stack: Stack) -> None:
    """Wait until the stack's own service, which is not killed, finds all its dependencies."""

    def is_well() -> bool:
        answer = probe(stack.url(), "/health").json() or {}
        return bool(answer.get("status") == "pass")

    wait_answer(is_well)


@contextlib.contextmanager
def run_copies(stack: Stack, count: int) -> Iterator[list[Running]]:
    """Run copies of the stack's service until the end of the block; yield them once all are ready."""
    spec = like(stack.container("service"))
    with contextlib.ExitStack() as block:
        copies = [block.enter_context(containers.run(stack.session, spec)) for _ in range(count)]
        for copy in copies:
            copy.wait_ready(within_seconds=PATIENCE_SECONDS)
        yield copies


def orders_through_kills(trial: Trial) -> list[Promise]:
    """Kill copies and dependencies at random while customers order; count the rows of each order afterwards."""
    stack = trial.stack
    stop = threading.Event()
    killed_dependencies: list[str] = []
    wait_well(stack)
    with run_copies(stack, COPIES) as copies:
        fleet = Fleet(copies)
        with ThreadPoolExecutor(COPIES + 1) as pool, customers("kill", fleet.address) as orders:
            try:
                futures = [pool.submit(fleet.kill_at_random, copy, stop) for copy in copies]
                futures.append(pool.submit(kill_dependencies, stack, stop, killed_dependencies))
                wait_for_orders(trial, orders, fleet, killed_dependencies, futures)
            finally:
                stop.set()
        for future in futures:
            future.result()
        trial.log.collect()

    wait_well(stack)
    rows = rows_of(stack, "kill")
    unanswered_orders = [order for order in orders if order.status is None]
    unanswered_with_row = [order for order in unanswered_orders if order.item in rows]
    kills = f"{fleet.kills} copies and {len(killed_dependencies)} dependencies killed"
    in_database = f"{len(unanswered_with_row)} of them in the database"
    unanswered = f"{len(unanswered_orders)} orders without an answer, {in_database}"

    lost_items = _verdicts.lost_items(orders, rows)
    doubled_items = _verdicts.doubled_items(orders, rows)
    return [
        zero_promise(f"orders lost; {kills}, {unanswered}", lost_items, len(orders), "orders"),
        zero_promise("orders doubled in the same trial", doubled_items, len(orders), "orders"),
    ]


def wait_for_orders(
    trial: Trial, orders: list[Order], fleet: Fleet, killed_dependencies: list[str], futures: Sequence[Future[None]]
) -> None:
    """Wait until ORDERS orders are placed, KILLS copies killed, and each dependency was killed once.

    Raises NotInTime if that takes too long, and the error of a thread (``futures``) that has ended before.
    """
    ends_at = time.monotonic() + LIMIT_SECONDS
    placed_count = 0

    while placed_count < ORDERS or fleet.kills < KILLS or len(killed_dependencies) < len(DEPENDENCIES):
        for future in futures:
            if future.done():
                future.result()

        if time.monotonic() > ends_at:
            counts = f"{placed_count:,} orders were placed and {fleet.kills} copies killed"
            sentence = f"{counts} within {LIMIT_SECONDS:.0f} s."
            raise NotInTime(sentence, "Run it again on a machine that does nothing else.")

        time.sleep(0.2)
        placed_orders = [order for order in list(orders) if order.is_placed]
        placed_count = len(placed_orders)
        fraction = min(1.0, placed_count / ORDERS)
        trial.report_step(f"{placed_count:,} orders placed, {fleet.kills} copies killed", fraction)


def rows_of(stack: Stack, name: str) -> dict[str, int]:
    """Return the number of rows in the master database by item, for the orders of the trial ``name``.

    Raises WorkshopError if the database does not answer completely.
    """
    statement = COUNT.format(name=name, total=_verdicts.TOTAL)
    command = ["mariadb", "--batch", "--skip-column-names", "--execute", statement, "orders"]
    for _ in range(EXEC_TRIES):
        result = stack.container("master-db").exec_run(command, user="0")
        output = result.output.decode(errors="replace")
        rows = _verdicts.rows_by_item(output)
        if result.exit_code == 0 and rows is not None:
            return rows
        time.sleep(0.5)
    raise WorkshopError("The database does not say which orders it has.", "Run it again.", output=output[-500:])


def orders_through_stops(trial: Trial) -> list[Promise]:
    """Stop one copy after the other, as a deploy does, while customers order through a proxy that asks /readyz."""
    stack = trial.stack
    with run_copies(stack, 2) as copies:
        names = [copy.id[:12] for copy in copies]
        spec = Spec(
            recipes.tags(stack.root)["proxy"],
            command=tuple(names),
            network=f"{stack.project}_default",
            ports=(8080, OPERATORS_PORT),
        )
        with containers.run(stack.session, spec) as proxy:
            wait_up(proxy, names)
            address = proxy.url()
            with customers("stop", lambda: address) as orders:
                time.sleep(SETTLE_SECONDS)
                exit_codes = stop_in_turn(trial, copies, proxy)
            trial.log.collect()

    rows = rows_of(stack, "stop")
    refused_orders = [f"{order.item}: {order.status}" for order in orders if not order.is_placed]
    lost_items = _verdicts.lost_items(orders, rows)
    unclean_stops = [f"exit code {code}" for code in exit_codes if code != 0]
    work = f"orders lost, or not answered 201, behind a proxy while {STOPS} times a copy gets SIGTERM"
    return [
        zero_promise(work, [*refused_orders, *lost_items], len(orders), "orders"),
        zero_promise("stops by SIGTERM with an exit code other than 0", unclean_stops, STOPS, "stops"),
    ]


def stop_in_turn(trial: Trial, copies: Sequence[Running], proxy: Running) -> list[int]:
    """Stop the copies in turn, STOPS times in all, and start each again; return the exit codes.

    The next copy is stopped once the proxy sends requests to all of them again.
    """
    names = [copy.id[:12] for copy in copies]
    exit_codes = []
    for number in range(STOPS):
        trial.report_step("SIGTERM while customers order", number / STOPS)
        copy = copies[number % len(copies)]
        copy.container.stop()
        exit_codes.append(copy.wait_ended())
        copy.container.start()
        copy.wait_ready(within_seconds=PATIENCE_SECONDS)
        wait_up(proxy, names)

    return exit_codes


def wait_up(proxy: Running, names: Sequence[str]) -> None:
    """Wait until the proxy sends requests to all these copies."""

    def all_up() -> bool:
        statistics = http.get(f"{proxy.url(OPERATORS_PORT)}/stats;csv").body
        return _verdicts.servers_up(statistics) >= set(names)

    proxy.wait_until(all_up, within_seconds=PATIENCE_SECONDS, goal="see all copies up")


def ids_of_requests(trial: Trial) -> list[Promise]:
    """Send 200 requests at once while Redis hangs, so that all wait at the same time; judge the lines of each."""
    stack = trial.stack
    trial.report_step(f"{AT_ONCE} requests at once")
    with run_copies(stack, 1) as copies:
        copy = copies[0]
        url = copy.url()
        with fault("pause", stack, "redis"):
            requests = send_at_once(url)
        lines = wait_for_lines(copy)
        trial.log.collect()
    wait_ready(stack.url())
    work = f"requests whose lines or whose answer have another's id, {AT_ONCE} at once"
    return [zero_promise(work, _verdicts.mixed_ids(requests, lines), len(requests), "requests")]


def send_at_once(url: str) -> list[SentRequest]:
    """Send AT_ONCE requests at the same moment; half of them place an order, half ask for one that does not exist."""
    start = threading.Barrier(AT_ONCE)

    def send(number: int) -> SentRequest:
        if number % 2:
            request = SentRequest(f"once-{number}", "POST", "/orders", quantity=1 + number)
        else:
            request = SentRequest(f"once-{number}", "GET", f"/orders/{NO_ORDER + number}")
        order = {"item": request.request_id, "quantity": request.quantity}

        start.wait(PATIENCE_SECONDS)
        answer = http.request(
            request.method,
            url + request.path,
            json_body=order if request.quantity else None,
            headers={"X-Request-ID": request.request_id},
            timeout_seconds=PATIENCE_SECONDS,
        )
        return replace(request, status=answer.status, answered_id=answer.headers.get("x-request-id"))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(send, range(AT_ONCE)))


def wait_for_lines(copy: Running) -> list[dict[str, Any]]:
    """Return the lines of a copy once they have the ends of AT_ONCE requests, or after LINE_SECONDS."""
    ends_at = time.monotonic() + LINE_SECONDS
    while True:
        text: bytes = copy.container.logs(stderr=False)
        lines: list[dict[str, Any]] = [json.loads(line) for line in text.split(b"\n")[:-1]]
        ids = [str(line.get("request_id")) for line in lines if line["msg"] == "request"]
        ended_ids = [identifier for identifier in ids if identifier.startswith("once-")]
        if len(ended_ids) >= AT_ONCE or time.monotonic() > ends_at:
            return lines
        time.sleep(0.1)


def start_with_mistakes(trial: Trial) -> None:
    """Start the service with passwords in the wrong settings, which it must refuse; its lines are searched later.

    Raises WorkshopError if it does not refuse them.
    """
    database_password = trial.secrets["master_db_password"]
    redis_password = trial.secrets["redis_password"]
    mistakes: list[dict[str, str]] = [
        {
            "MASTER_DB_PORT": database_password,
            "LOG_LEVEL": database_password,
            "HTTP_DRAIN_SECONDS": redis_password,
            "HEALTH_CRITICAL": redis_password,
        },
        {"MASTER_DB_PASSWORD": database_password, "REDIS_PASSWORD": redis_password},  # beside the files
        {"MASTER_DB_PASSWORD_FILE": database_password, "REDIS_PASWORD": redis_password},
    ]
    spec = like(trial.stack.container("service"))
    for mistake in mistakes:
        trial.report_step("starting with settings that are refused")
        environment = {**spec.environment, **mistake}
        with containers.run(trial.stack.session, replace(spec, environment=environment)) as running:
            code = running.wait_ended()
            trial.log.collect()
            if code != 1 or "configuration refused" not in running.log_tail():
                raise WorkshopError(
                    f"The service did not refuse {', '.join(mistake)}: it ended with {code}.",
                    "Read what it said.",
                    output=running.log_tail(),
                )


def secrets_in_lines(trial: Trial) -> list[Promise]:
    """Judge whether a line of the whole run has a secret."""
    trial.report_step("searching all lines for secrets")
    trial.log.collect()
    lines = trial.log.lines()
    leaks = _verdicts.leaking_lines(trial.secrets, lines)
    return [zero_promise("lines with a secret or with six characters of one", leaks, len(lines), "lines")]


def measure() -> list[Promise]:
    """Measure all promises on a stack of its own, whose secrets are known here."""
    secrets = {name: new_canary() for name in (*SECRETS, OTHER_PASSWORD)}
    with own_session() as (workspace, session), TerminalReport() as report:
        for name in SECRETS:
            (workspace.secrets_folder / name).write_text(secrets[name])
        stack = provision.stack_of(workspace, session)
        stack.up(report=report)

        trial = Trial(stack, Log(session), secrets, report)
        start_with_mistakes(trial)
        return [
            *health_in_faults(trial),
            *orders_through_kills(trial),
            *orders_through_stops(trial),
            *ids_of_requests(trial),
            *secrets_in_lines(trial),
        ]


def say_broken(promises: Sequence[Promise]) -> int:
    """Say which promises are not kept, and why; return the exit code."""
    broken_promises = [promise for promise in promises if not promise.is_kept]
    for promise in broken_promises:
        row = promise.row
        value = format_value(row.ours, row.unit)
        say(f"Not kept: {row.work}: {value}, promised: {row.aim}. Found: {promise.details}.")
    return 1 if broken_promises else 0


def main() -> None:
    """Measure, show the rows, and exit with 1 if a promise is not kept; after an error, with that of the error."""
    try:
        promises = measure()
    except WorkshopError as error:
        say_error(error)
        sys.exit(error.exit_code)
    show([promise.row for promise in promises])
    sys.exit(say_broken(promises))


if __name__ == "__main__":
    main()
