"""The monitoring image and the stack's monitoring profile: confinement, secrets, rules, alerts."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.images.container_state import assert_confined, leaks
from tests.images.container_state import run as run_in
from workshop_kit.engine import monitoring
from workshop_kit.engine.monitoring import SERVICES, Monitoring
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError

RULES = Path(__file__).parents[2] / "images" / "prometheus" / "rules"
RULE_TESTS = Path(__file__).with_name("rules_test.yml")
JOBS = {"service", "outside", "agent", "mysqld", "redis"}
UP = {
    "mysql_up": [1.0, 1.0],
    "redis_up": [1.0],
    "dependency_up": [1.0] * 3,
    "probe_success": [1.0, 1.0],
    'mysql_slave_status_seconds_behind_master{instance="replica-db"}': [0.0],
}

Start = Callable[..., Any]


def rules() -> list[dict[str, Any]]:
    """Every rule of the image."""
    files = [yaml.safe_load(path.read_text()) for path in RULES.glob("*.yml")]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def alert_rules() -> dict[str, dict[str, Any]]:
    """Every alert of the image, by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def test_every_rule_has_a_test() -> None:
    """Each recorded series is compared with a number, and each alert fires in a test."""
    told = yaml.safe_load(RULE_TESTS.read_text())
    assert {Path(path).name for path in told["rule_files"]} == {path.name for path in RULES.glob("*.yml")}
    queries = " ".join(case["expr"] for one in told["tests"] for case in one.get("promql_expr_test", ()))
    assert {rule["record"] for rule in rules() if "record" in rule} <= set(re.findall(r"[\w:]+", queries))
    cases = [case for one in told["tests"] for case in one.get("alert_rule_test", ())]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == alert_rules().keys()
    assert told["tests"][0]["promql_expr_test"][0]["expr"].startswith("count(ALERTS)")


def test_every_alert_says_what_to_do() -> None:
    """Each alert has a summary, a severity and a first action."""
    for name, rule in alert_rules().items():
        assert rule["labels"]["severity"] in {"critical", "warning"}, name
        assert rule["annotations"]["summary"].endswith("."), name
        assert rule["annotations"]["action"], name


@pytest.mark.engine
def test_promtool_finds_the_rules_right(hardened: Start, images: dict[str, str]) -> None:
    """Each alert fires on its fault only, and recorded series have the values of their names."""
    files = {"rules_test.yml": RULE_TESTS.read_text()}
    words = ["test", "rules", "/run/secrets/rules_test.yml"]
    promtool = hardened(images["prometheus"], files, {}, entrypoint=["promtool"], command=words)
    assert promtool.wait(timeout=60)["StatusCode"] == 0, promtool.logs()
    assert b"SUCCESS" in promtool.logs()


# From here on: the whole profile, beside the real stack.


@pytest.fixture(scope="module")
def watched(stack: Stack) -> Iterator[Monitoring]:
    """The stack with its monitoring, which is removed after these tests."""
    yield monitoring.start(stack)
    for name in SERVICES:
        stack.container(name).remove(force=True, v=True)
    assert not set(SERVICES) & stack.containers().keys()


def until(ask: Callable[[], Any], holds: Callable[[Any], bool], within_seconds: float = 60) -> Any:
    """Poll until the answer satisfies ``holds``; fail with the last answer after the timeout."""
    deadline = time.monotonic() + within_seconds
    while not holds(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def api(watched: Monitoring, path: str, **asked: str) -> Any:
    """Query Prometheus' HTTP API."""
    return httpx.get(f"{watched.prometheus_url()}/api/v1/{path}", params=asked, trust_env=False).json()["data"]


def values(watched: Monitoring, query: str) -> list[float]:
    """The value of each series that a query gives now."""
    return [float(one["value"][1]) for one in api(watched, "query", query=query)["result"]]


def targets(watched: Monitoring) -> dict[str, set[str]]:
    """The health of each job's targets: up, down or unknown."""
    health: dict[str, set[str]] = {}
    for one in api(watched, "targets")["activeTargets"]:
        health.setdefault(one["labels"]["job"], set()).add(one["health"])
    return health


def alerts(watched: Monitoring) -> set[str]:
    """The alerts that are pending or firing."""
    return {one["labels"]["alertname"] for one in api(watched, "alerts")["alerts"]}


def told(watched: Monitoring, alert: str, since: datetime) -> list[dict[str, Any]]:
    """The receiver's log lines of an alert, oldest first."""
    lines = [
        json.loads(line)
        for line in watched.stack.container("alert-receiver").logs(since=since.timestamp()).splitlines()
    ]
    return [line for line in lines if line.get("alert") == alert]


@pytest.mark.engine
@pytest.mark.long
def test_every_target_answers(watched: Monitoring) -> None:
    """All targets answer, the service's own metrics too; all dependencies are up; the series are few."""
    until(lambda: targets(watched), lambda found: found == {job: {"up"} for job in JOBS})
    for query, expected in UP.items():
        until(partial(values, watched, query), partial(expected.__eq__))
    assert 50 < values(watched, 'count({__name__=~".+", job!="service"})')[0] < 600
    assert values(watched, 'count({job="service"})')[0] < 210  # Prometheus adds some of its own


@pytest.mark.engine
@pytest.mark.long
def test_the_profile_is_confined_and_silent(watched: Monitoring) -> None:
    """Each program runs as an ordinary user without capabilities, and shows no part of the password."""
    password = (watched.stack.folder / "secrets" / "monitoring_password").read_text()
    for name in SERVICES:
        container = watched.stack.container(name)
        assert_confined(container, 10006 if name == "agent" else 10007)
        assert leaks({"password": password}, container) == [], name
        assert all(line.startswith(b"{") for line in container.logs().splitlines()), name


@pytest.mark.engine
@pytest.mark.long
def test_what_the_service_counts_is_what_the_rules_read(watched: Monitoring) -> None:
    """The service names its metrics as the rules expect: traffic shows as a rate, and its failures as a ratio."""
    with httpx.Client(base_url=watched.stack.url(), trust_env=False, timeout=20) as client:

        def asked(query: str) -> list[float]:
            for _ in range(3):
                client.get("/orders")
            return values(watched, query)

        until(lambda: asked("service:requests:rate10s"), lambda found: len(found) == 1 and found[0] > 0.1)
        until(lambda: asked("service:errors:ratio10s"), lambda found: found == [0.0])
        until(lambda: asked("service:duration_seconds:p99"), lambda found: len(found) == 1 and found[0] > 0)


@pytest.mark.engine
@pytest.mark.long
def test_alert_fires_and_resolves(watched: Monitoring) -> None:
    """After a kill of the service the webhook gets the alert; after its restart, the resolution."""
    since = datetime.now(UTC)
    watched.stack.container("service").kill()
    until(lambda: told(watched, "ServiceDown", since), lambda found: len(found) == 1)
    watched.stack.up("service")
    both = until(lambda: told(watched, "ServiceDown", since), lambda found: len(found) == 2)
    assert [(one["status"], one["severity"]) for one in both] == [("firing", "critical"), ("resolved", "critical")]


RULE = """
groups:
  - name: mine
    rules:
      - {{ alert: Mine, expr: '{expr}', labels: {{ severity: warning }}, annotations: {{ summary: "Loaded." }} }}
"""
JOB = """
scrape_configs:
  - job_name: mine
    scrape_interval: 1s
    static_configs: [{ targets: ["nobody:8080"] }]
"""


@pytest.mark.engine
@pytest.mark.long
def test_files_of_the_participant_are_loaded(watched: Monitoring, tmp_path: Path) -> None:
    """A job's target is scraped, even if it is down; a rule on it reaches the webhook until it is replaced."""
    job, rules, since = tmp_path / "scrape.yml", tmp_path / "alerts.yml", datetime.now(UTC)
    job.write_text(JOB)
    rules.write_text(RULE.format(expr='up{job="mine"} == 0'))
    watched.load(job)
    watched.load(rules)
    until(lambda: targets(watched), lambda found: found == {"mine": {"down"}} | {one: {"up"} for one in JOBS})
    first = until(lambda: told(watched, "Mine", since), lambda found: len(found) == 1)[0]
    assert (first["status"], first["severity"], first["summary"]) == ("firing", "warning", "Loaded.")
    rules.write_text(RULE.format(expr="up > 1"))
    watched.load(rules)
    until(lambda: alerts(watched), lambda found: "Mine" not in found)


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("bad.yml", RULE.format(expr="sum(up"), r"bad\.yml, line 5: .*unclosed left parenthesis"),
        ("not bad.yml", RULE.format(expr="up"), "is no name of a file for Prometheus"),
    ],
    ids=["PromQL", "name"],
)
def test_a_file_that_promtool_refuses_changes_nothing(
    watched: Monitoring, tmp_path: Path, name: str, text: str, says: str
) -> None:
    """The error is one sentence with the line of the file; Prometheus keeps its settings."""
    before = api(watched, "status/config")
    (tmp_path / name).write_text(text)
    with pytest.raises(WorkshopError, match=says):
        watched.load(tmp_path / name)
    assert api(watched, "status/config") == before
    assert b"bad" not in run_in(watched.stack.container("prometheus"), "ls /tmp/rules /tmp/scrape")[1]


@pytest.mark.engine
@pytest.mark.long
def test_monitoring_user_sees_no_data(stack: Stack) -> None:
    """In both databases and in Redis it reads the server's status, and no data."""
    password = (stack.folder / "secrets" / "monitoring_password").read_text()
    for name in ("master-db", "replica-db"):
        container = stack.container(name)
        client = 'mariadb --host=127.0.0.1 --user=monitoring --batch --skip-column-names --execute="$SQL"'
        code, said = run_in(container, client, MYSQL_PWD=password, SQL="SHOW DATABASES")
        assert (code, said.split()) == (0, [b"information_schema"])
        for statement in ("SELECT * FROM workshop.orders", "CREATE DATABASE x"):
            code, said = run_in(container, client, MYSQL_PWD=password, SQL=statement)
            assert code == 1
            assert b"denied" in said or b"--read-only" in said
    redis, client = stack.container("redis"), "redis-cli --no-auth-warning --user monitoring"
    assert b"redis_version" in run_in(redis, f"{client} INFO server", REDISCLI_AUTH=password)[1]
    for command in ("GET x", "KEYS '*'", "CONFIG GET '*'", "FLUSHALL", "MONITOR"):
        assert b"NOPERM" in run_in(redis, f"{client} {command}", REDISCLI_AUTH=password)[1], command
