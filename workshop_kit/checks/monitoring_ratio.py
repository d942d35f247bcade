"""The check of monitoring.ratio: promtool reads the alert's rule, and plays it minutes of made-up traffic."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from workshop_kit.engine import monitoring
from workshop_kit.engine.containers import Running
from workshop_kit.engine.monitoring import PROMTOOL_FOLDER
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import Service
from workshop_kit.trials.yaml_problem import yaml_finding

ALERT = "OrdersFail"
FILE = "alerts.yml"
ERROR = re.compile(r", err: (.{1,300})")


@dataclass(frozen=True)
class PlayedTraffic:
    """What comes in each second: how many customers, and the percentage of them by how their request ends."""

    seconds: int = 60
    customers: int = 1000
    orders_fail: float = 0.0
    reads_fail: float = 0.0
    mistyped: float = 8.0
    probes_fail: bool = False
    other_fails: bool = False

    def rates(self) -> Iterator[tuple[str, float]]:
        """Yield each series with its requests in a second."""
        percent = self.customers / 100
        failed = 100 if self.other_fails else 0
        placed = 100 - failed
        refused = 300 if self.probes_fail else 0
        ready = 300 - refused

        yield series("my-service", "POST", "/orders", 201), (40 - self.orders_fail) * percent
        yield series("my-service", "POST", "/orders", 503), self.orders_fail * percent
        yield series("my-service", "GET", "/orders/{order_id}", 200), (60 - self.reads_fail - self.mistyped) * percent
        yield series("my-service", "GET", "/orders/{order_id}", 500), self.reads_fail * percent
        yield series("my-service", "GET", "/orders/{order_id}", 404), self.mistyped * percent
        yield series("my-service", "GET", "/livez", 200), 5
        yield series("my-service", "GET", "/readyz", 200), ready
        yield series("my-service", "GET", "/readyz", 503), refused
        yield series("my-service", "GET", "/health", 503), refused
        yield series("service", "POST", "/orders", 201), placed
        yield series("service", "POST", "/orders", 503), failed


def series(job: str, method: str, route: str, status: int) -> str:
    """Return the name of a series, with its labels."""
    labels = {"job": job, "instance": f"{job}:8080", "method": method, "route": route, "status": str(status)}
    label_text = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
    return f"http_requests_total{{{label_text}}}"


@dataclass(frozen=True)
class Case:
    """Whether the alert should fire some seconds after the beginning of a play; what it means if that is wrong."""

    called: str
    play: tuple[PlayedTraffic, ...]
    at_seconds: int
    fires: bool
    means: str
    look: str
    hint: int = 2


WELL = PlayedTraffic()
CASES = (
    Case(
        "4.9 % of the customers fail, all in the same way, and 30 % mistype",
        (WELL, PlayedTraffic(orders_fail=4.9, mistyped=30)),
        at_seconds=100,
        fires=False,
        means="It calls at less than 5 %. By the third night the person on call ignores it.",
        look="An alert is about a share: how many of how many. 5xx is a failure, a 404 is not; all requests of "
        "customers, added up, stand below the line.",
        hint=1,
    ),
    Case(
        "8 % of the customers have failed for 12 s, all of whom placed an order",
        (WELL, PlayedTraffic(orders_fail=8)),
        at_seconds=72,
        fires=True,
        means="Customers fail in numbers, and nobody is called.",
        look="A share of 5 % is 0.05. Over how long does it look (rate(…[10s])), and how long does it wait (for: 2s)?",
    ),
    Case(
        "every probe gets a 503, and no customer does",
        (WELL, PlayedTraffic(probes_fail=True)),
        at_seconds=100,
        fires=False,
        means="It calls because a probe was told “not ready”. No customer met an error.",
        look="Leave the routes of probes out, on both sides.",
    ),
    Case(
        'every request to the other service, job="service", fails',
        (WELL, PlayedTraffic(other_fails=True)),
        at_seconds=100,
        fires=False,
        means="It calls because the other service fails; yours is well.",
        look='Which label says whose a series is? On both sides job="my-service".',
    ),
    Case(
        "8 % of the few customers at night have failed for 12 s, all of whom read an order",
        (PlayedTraffic(customers=100), PlayedTraffic(customers=100, reads_fail=8)),
        at_seconds=72,
        fires=True,
        means="At night few customers come, 8 % of them fail, and nobody is called.",
        look="A number of failures falls with the customers, and a share does not. All methods and routes of customers "
        "belong to both sides of the division; probes and the other service to none.",
    ),
    Case(
        "9 % have failed for 5 s: less than 5 % of the last ten",
        (WELL, PlayedTraffic(seconds=5, orders_fail=9), WELL),
        at_seconds=66,
        fires=False,
        means="It calls because of a few seconds. The task asks for a share of the last ten.",
        look="The time in brackets is the window over which rate() looks: [10s], on both sides.",
    ),
    Case(
        "the last ten seconds have had 5.2 % for one second",
        (WELL, PlayedTraffic(orders_fail=5.2)),
        at_seconds=70,
        fires=False,
        means="It calls at the first moment over the limit. Most such moments are over before a person is awake.",
        look="For how long has it to be so? (for:)",
    ),
    Case(
        "8 % have failed for a minute, and 12 s ago it was over",
        (WELL, PlayedTraffic(orders_fail=8), WELL),
        at_seconds=132,
        fires=False,
        means="The trouble is over, and it calls on.",
        look="rate() looks at the last seconds only: [10s]. A counter alone never forgets.",
        hint=1,
    ),
)


@check("monitoring.ratio")
def ratio(service: Service) -> None:
    """It calls when customers fail, and is silent otherwise."""
    text = (service.context.folder / FILE).read_text()
    plays = {f"{number}.yml": promtool_test(case) for number, case in enumerate(CASES)}
    service.context.report_step("promtool plays it several minutes")
    with monitoring.promtool(service.context.stack, {FILE: text, **plays}) as running:
        it_loads(running, text)
        for file, case in zip(plays, CASES, strict=True):
            it_fires_when_it_should(running, file, case)


def it_loads(running: Running, text: str) -> None:
    """Require promtool to accept the file."""
    answer = running.exec("promtool", "check", "rules", f"{PROMTOOL_FOLDER}/{FILE}")
    sentence = monitoring.promtool_sentence(answer.output, FILE) if answer.exit_code else "SUCCESS"

    means = f"Prometheus would not load this: {sentence}"
    look = "Read that line and the one before it: quotes, brackets, commas."
    mistake = yaml_finding(FILE, text, sentence, {})
    if mistake:
        means = mistake.means
        look = mistake.look

    seen = Observation(f"promtool check rules {FILE}", sentence, 0.0)
    require(answer.exit_code == 0, seen=seen, expected="SUCCESS", means=means, look=look, hint=3)


def it_fires_when_it_should(running: Running, file: str, case: Case) -> None:
    """Expect the alert to fire, or not. What promtool cannot compute, it cannot compute in any case."""
    output = running.read("promtool", "test", "rules", f"{PROMTOOL_FOLDER}/{file}")
    called = f"Look at {ALERT} when {case.called}"

    error = ERROR.search(output)
    if error:
        require(
            False,
            seen=Observation(called, error[1], 0.0),
            expected="a number",
            means="promtool accepts the rule, and cannot compute it: Prometheus would never fire it.",
            look="One side of a division has labels that the other one has not: sum() takes them away.",
            hint=2,
        )

    has_fired = "FAILED" in output  # the test expects no alert
    judge = require if case is CASES[0] else expect  # what fires always fails everywhere
    judge(
        has_fired == case.fires,
        seen=Observation(called, "it fires" if has_fired else "it is silent", 0.0),
        expected="it fires" if case.fires else "it is silent",
        means=case.means,
        look=case.look,
        hint=case.hint,
    )


def promtool_test(case: Case) -> str:
    """Return a test file for promtool, as JSON, which is YAML, too. The test passes if the alert does not fire."""
    rates: dict[str, list[float]] = {}
    for traffic in case.play:
        for name, rate in traffic.rates():
            rates.setdefault(name, []).extend([rate] * traffic.seconds)

    input_series = []
    for name, requests in rates.items():
        values = " ".join(f"{total:.6g}" for total in accumulate(requests))
        input_series.append({"series": name, "values": values})
    test = {
        "interval": "1s",
        "input_series": input_series,
        "alert_rule_test": [{"eval_time": f"{case.at_seconds}s", "alertname": ALERT, "exp_alerts": []}],
    }
    return json.dumps({"rule_files": [f"{PROMTOOL_FOLDER}/{FILE}"], "evaluation_interval": "1s", "tests": [test]})
