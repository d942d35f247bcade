"""The monitoring image and the stack's monitoring profile: confinement, secrets, rules, alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.images.conftest import assert_confined, run, until
from workshop_kit.engine import monitoring
from workshop_kit.engine.monitoring import SERVICES, Monitoring
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.leaks import container_surfaces, find

RULE_TESTS = Path(__file__).with_name("rules_test.yml")
JOBS = {"service", "outside", "mysqld", "redis"}
UP = {
    "mysql_up": [1.0, 1.0],
    "redis_up": [1.0],
    "dependency_up": [1.0] * 3,
    "probe_success": [1.0, 1.0],
    'mysql_slave_status_seconds_behind_master{instance="replica-db"}': [0.0],
}


def test_promtool_finds_the_rules_right(hardened: Callable[..., Any], images: dict[str, str]) -> None:
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


def api(watched: Monitoring, path: str, **asked: str) -> Any:
    """Query Prometheus' HTTP API."""
    return httpx.get(f"{watched.prometheus_url()}/api/v1/{path}", params=asked, trust_env=False).json()["data"]


def values(watched: Monitoring, query: str) -> list[float]:
    """The value of each series that a query gives now."""
    return [float(sample["value"][1]) for sample in api(watched, "query", query=query)["result"]]


def targets(watched: Monitoring) -> dict[str, set[str]]:
    """The health of each job's targets: up, down or unknown."""
    health: dict[str, set[str]] = {}
    for target in api(watched, "targets")["activeTargets"]:
        health.setdefault(target["labels"]["job"], set()).add(target["health"])
    return health


@pytest.mark.long
def test_every_target_answers(watched: Monitoring) -> None:
    """All targets answer; all dependencies are up; the rules know the service's metrics by name; the series are few."""
    prometheus = watched.stack.container("prometheus")
    until(lambda: targets(watched) == {job: {"up"} for job in JOBS}, prometheus)

    def is_up(query: str) -> bool:
        return values(watched, query) == UP[query]

    def is_counted(query: str) -> bool:
        httpx.get(f"{watched.stack.url()}/orders", trust_env=False, timeout=20)
        samples = values(watched, query)
        return len(samples) == 1 and samples[0] > 0

    for query in UP:
        until(partial(is_up, query), prometheus)
    for query in ("service:requests:rate10s", "service:duration_seconds:p99"):
        until(partial(is_counted, query), prometheus)
    assert 50 < values(watched, 'count({__name__=~".+", job!="service"})')[0] < 600
    assert values(watched, 'count({job="service"})')[0] < 210  # Prometheus adds some of its own


@pytest.mark.long
def test_the_profile_is_confined_and_silent(watched: Monitoring) -> None:
    """Each program runs as an ordinary user without capabilities, and shows no part of the password."""
    password = (watched.stack.folder / "secrets" / "monitoring_password").read_text()
    for name in SERVICES:
        container = watched.stack.container(name)
        assert_confined(container, 10007)
        assert find(password, container_surfaces(container)).empty, name
        assert all(line.startswith(b"{") for line in container.logs().splitlines()), name


RULES_WITH_A_MISTAKE = """
groups:
  - name: mine
    rules:
      - { alert: Mine, expr: "sum(up" }
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bad.yml", r"bad\.yml, line 5: .*unclosed left parenthesis"),
        ("not bad.yml", "is no name of a file for Prometheus"),
    ],
)
def test_a_file_that_promtool_refuses_changes_nothing(
    watched: Monitoring, tmp_path: Path, name: str, says: str
) -> None:
    """The error is one sentence with the line of the file; Prometheus keeps its settings.

    A good file is loaded in lesson 04, and its alert is told.
    """
    before = api(watched, "status/config")
    (tmp_path / name).write_text(RULES_WITH_A_MISTAKE)
    with pytest.raises(WorkshopError, match=says):
        watched.load(tmp_path / name)
    assert api(watched, "status/config") == before
    assert "bad" not in run(watched.stack.container("prometheus"), "ls /tmp/rules /tmp/scrape")[1]


@pytest.mark.long
def test_monitoring_user_sees_no_data(stack: Stack) -> None:
    """In both databases and in Redis it reads the server's status, and no data."""
    password = (stack.folder / "secrets" / "monitoring_password").read_text()
    ask = 'mariadb --host=127.0.0.1 --user=monitoring --batch --skip-column-names --execute="$SQL"'
    for name in ("master-db", "replica-db"):
        database = stack.container(name)
        assert run(database, ask, MYSQL_PWD=password, SQL="SHOW DATABASES") == (0, "information_schema")
        code, output = run(database, ask, MYSQL_PWD=password, SQL="SELECT * FROM orders.orders")
        assert code == 1
        assert "denied" in output
    redis = stack.container("redis")
    ask = "redis-cli --no-auth-warning --user monitoring"
    assert "redis_version" in run(redis, f"{ask} INFO server", REDISCLI_AUTH=password)[1]
    for command in ("GET x", "CONFIG GET '*'", "FLUSHALL"):
        assert "NOPERM" in run(redis, f"{ask} {command}", REDISCLI_AUTH=password)[1], command
