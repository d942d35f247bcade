"""The monitoring image and the profile of the stack: confined, silent about secrets, and heard when something fails."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import yaml

from images.prometheus import receiver, run
from tests.conftest import LiveStack
from tests.images.seen import confinement, leaks, refusal, surfaces, wait_healthy
from tests.images.seen import run as run_in
from workshop_kit.engine import monitoring
from workshop_kit.engine.monitoring import SERVICES, Monitoring
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.learn.metric_tools import TOLD, MetricTools
from workshop_kit.observe import promql

RULES = Path(__file__).parents[2] / "images" / "prometheus" / "rules"
RULE_TESTS = Path(__file__).with_name("rules_test.yml")
MIB = 1 << 20
SETTINGS = {"MONITORING_PASSWORD_FILE": "/run/secrets/password", "REDIS_ADDRESS": "nobody:6379"}

Start = Callable[..., Any]


def rules() -> list[dict[str, Any]]:
    """Every rule of the image."""
    files = [yaml.safe_load(path.read_text()) for path in RULES.glob("*.yml")]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def alert_rules() -> dict[str, dict[str, Any]]:
    """Every alert of the image, by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def test_every_rule_has_a_test() -> None:
    """What is recorded is held against a number, and each file of rules is among those that are tested."""
    told = yaml.safe_load(RULE_TESTS.read_text())
    assert {Path(path).name for path in told["rule_files"]} == {path.name for path in RULES.glob("*.yml")}
    asked = " ".join(case["expr"] for one in told["tests"] for case in one.get("promql_expr_test", ()))
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert recorded
    assert recorded - set(re.findall(r"[\w:]+", asked)) == set()


def test_every_alert_is_seen_to_fire() -> None:
    """No alert without a test in which it fires, and one in which it does not."""
    tests = [case for one in yaml.safe_load(RULE_TESTS.read_text())["tests"] for case in one.get("alert_rule_test", ())]
    assert {case["alertname"] for case in tests if case["exp_alerts"]} == alert_rules().keys()
    everything_well = yaml.safe_load(RULE_TESTS.read_text())["tests"][0]
    assert everything_well["promql_expr_test"][0]["expr"].startswith("count(ALERTS)")


def test_every_alert_says_what_to_do() -> None:
    """Whoever is called reads what is wrong, how urgent it is, and where to look first."""
    for name, rule in alert_rules().items():
        assert rule["labels"]["severity"] in {"critical", "warning"}, name
        assert rule["annotations"]["summary"].endswith("."), name
        assert rule["annotations"]["action"], name


@pytest.mark.engine
def test_promtool_finds_the_rules_right(hardened: Start, images: dict[str, str]) -> None:
    """Each alert fires on its fault and on nothing else, recorded series are what their names say."""
    files = {"rules_test.yml": RULE_TESTS.read_text()}
    words = ["test", "rules", "/run/secrets/rules_test.yml"]
    code, said = refusal(hardened(images["prometheus"], files, {}, entrypoint=["promtool"], command=words))
    assert code == 0, said
    assert "SUCCESS" in said


@pytest.mark.engine
def test_promtool_would_find_them_wrong(hardened: Start, images: dict[str, str]) -> None:
    """The same test fails for a fault that never comes: it is no test that cannot fail."""
    text = RULE_TESTS.read_text().replace(
        'redis_up{job="redis",instance="redis"}\', values: "1x4 0x10"', 'x\', values: "1"'
    )
    assert text != RULE_TESTS.read_text()
    words = ["test", "rules", "/run/secrets/rules_test.yml"]
    code, said = refusal(
        hardened(images["prometheus"], {"rules_test.yml": text}, {}, entrypoint=["promtool"], command=words)
    )
    assert code == 1
    assert "alertname: RedisDown" in said


@pytest.mark.engine
@pytest.mark.parametrize("role", run.ROLES)
def test_runs_confined_and_silent(hardened: Start, images: dict[str, str], secret: str, role: str) -> None:
    """Each program is healthy alone, as an ordinary user without capabilities, and shows the password nowhere."""
    container = hardened(images["prometheus"], {"password": f"{secret}\n"}, SETTINGS, command=[role])
    wait_healthy(container)
    first = confinement(container)
    assert set(first["Uid"].split()) == {"10007"}
    assert int(first["CapEff"], 16) == 0
    assert first["NoNewPrivs"] == "1"
    seen = dict(surfaces(container, written="/tmp"))
    assert {where: found for where, content in seen.items() if (found := leaks(secret, content))} == {}
    container.stop(timeout=30)
    assert container.wait()["StatusCode"] in {
        0,
        2,
        143,
    }  # Go's exporters do not catch SIGTERM; as PID 1 they end all the same


BAD_INPUT = {
    "no such program": (["grafana"], {}, "x", "there is no program 'grafana': name one of prometheus, alertmanager"),
    "no password named": (["mysqld"], {"MONITORING_PASSWORD_FILE": ""}, "x", "MONITORING_PASSWORD_FILE is not set"),
    "no such file": (["redis"], {"MONITORING_PASSWORD_FILE": "/no"}, "x", "/no, which cannot be read (No such file"),
    "empty password": (["mysqld"], {}, "\n", "names an empty file"),
    "unreadable password": (["mysqld"], {}, "a`b", "holds a backtick"),
    "no redis named": (["redis"], {"REDIS_ADDRESS": ""}, "x", "REDIS_ADDRESS is not set"),
}


@pytest.mark.engine
@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_sentence(hardened: Start, images: dict[str, str], case: str) -> None:
    """What the person at the keyboard got wrong is said in one sentence, with exit code 1."""
    words, settings, password, says = BAD_INPUT[case]
    code, log = refusal(hardened(images["prometheus"], {"password": password}, SETTINGS | settings, command=words))
    assert code == 1
    assert says in log
    assert log.count("\n") == 1


NOTIFICATION = {
    "version": "4",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "A", "severity": "critical", "service": "we"},
            "annotations": {"summary": "It burns.", "action": "Look."},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "B", "severity": "warning"},
            "annotations": {},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2026-01-01T00:01:00Z",
        },
    ],
}


def test_a_line_for_each_alert() -> None:
    """A notification becomes lines that any log tool reads: when, how grave, what, since when, about what."""
    first, second = receiver.lines(NOTIFICATION, datetime(2026, 1, 1, 0, 2, tzinfo=UTC))
    assert first == {
        "ts": "2026-01-01T00:02:00.000+00:00",
        "level": "error",
        "logger": "alerts",
        "msg": "alert fires",
        "alert": "A",
        "status": "firing",
        "severity": "critical",
        "summary": "It burns.",
        "action": "Look.",
        "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": None,
        "labels": {"service": "we"},
    }
    assert (second["level"], second["msg"], second["ends_at"]) == ("info", "alert resolved", "2026-01-01T00:01:00Z")


@pytest.mark.engine
def test_receiver_writes_notifications_and_nothing_else(hardened: Start, images: dict[str, str]) -> None:
    """What is no notification is refused and does not reach the log, which holds whole lines of JSON only."""
    container = hardened(
        images["prometheus"],
        {},
        {},
        command=["receiver"],
        network_mode="bridge",
        ports={"9099/tcp": ("127.0.0.1", None)},
    )
    wait_healthy(container)
    container.reload()
    port = container.attrs["NetworkSettings"]["Ports"]["9099/tcp"][0]["HostPort"]
    with httpx.Client(trust_env=False, base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        for nonsense in (b"", b"[]", b"{}", b"\xff\x00", b'{"alerts": [{}]}', b'{"alerts": [1]}'):
            assert client.post("/alerts", content=nonsense).status_code == 400, nonsense
        assert client.post("/elsewhere", json=NOTIFICATION).status_code == 404
        assert client.post("/alerts", json=NOTIFICATION).status_code == 200
    assert [json.loads(line)["alert"] for line in container.logs().splitlines()] == ["A", "B"]


# From here on: the whole profile, beside the real stack.


@pytest.fixture(scope="module")
def watched(stack: Stack) -> Iterator[Monitoring]:
    """The stack with its monitoring, which is removed after these tests."""
    yield monitoring.start(stack)
    monitoring.stop(stack)
    assert not set(SERVICES) & stack.containers().keys()


def until(
    ask: Callable[[], pd.DataFrame], holds: Callable[[pd.DataFrame], bool], within_seconds: float = 60
) -> pd.DataFrame:
    """Ask until the answer is as it should be; fail with the last one if that takes too long.

    Prometheus has just been started: nobody has been asked yet.
    """
    deadline = time.monotonic() + within_seconds
    while not holds(found := ask()):
        assert time.monotonic() < deadline, found.to_string()
        time.sleep(0.5)
    return found


def delivered(watched: Monitoring, since: float) -> list[dict[str, Any]]:
    """The alerts that reached the webhook since then (seconds since 1970)."""
    lines = watched.receiver.logs(since=since).decode().splitlines()
    return [json.loads(line) for line in lines]


def wait_for(watched: Monitoring, since: float, alert: str, status: str, within_seconds: float = 60) -> dict[str, Any]:
    """The first line about an alert in this state; fail if there is none in time."""
    deadline = time.monotonic() + within_seconds
    while True:
        for line in delivered(watched, since):
            if (line["alert"], line["status"]) == (alert, status):
                return line
        assert time.monotonic() < deadline, promql.alerts(watched.prometheus_url).to_string()
        time.sleep(0.2)


def wait_quiet(watched: Monitoring) -> None:
    """Return once no alert is pending or firing."""
    deadline = time.monotonic() + 120
    while not (frame := promql.alerts(watched.prometheus_url)).empty:
        assert time.monotonic() < deadline, frame.to_string()
        time.sleep(0.5)


@pytest.mark.engine
def test_up_leaves_the_monitoring_out(stack: Stack) -> None:
    """The stack that the other lessons bring up has none of it; and no other service of ours is in the profile."""
    watchers = set(SERVICES)
    assert not watchers & stack.containers().keys()
    compose = yaml.safe_load((stack.root / "compose.yaml").read_text())["services"]
    assert {name for name, one in compose.items() if one.get("profiles") == ["monitoring"]} == watchers


@pytest.mark.engine
def test_everybody_is_asked_and_answers(watched: Monitoring, live_stack: LiveStack) -> None:
    """All targets answer, the service's own metrics too, and all dependencies are up, asked from both sides."""
    url = watched.prometheus_url
    jobs = {"service", "outside", "agent", "mysqld", "redis"}
    frame = until(
        lambda: promql.targets(url),
        lambda found: set(found["job"]) == jobs and (found["health"] == "up").all(),
    )
    assert frame.loc[frame["job"] == "service", "url"].tolist() == ["http://service:8080/metrics"]
    until(lambda: promql.query(url, "mysql_up"), lambda found: found["value"].tolist() == [1.0, 1.0])
    until(lambda: promql.query(url, "redis_up"), lambda found: found["value"].tolist() == [1.0])
    until(lambda: promql.query(url, "dependency_up"), lambda found: found["value"].tolist() == [1.0] * 3)
    until(lambda: promql.query(url, 'health_status{status="pass"}'), lambda found: found["value"].tolist() == [1.0])
    until(lambda: promql.query(url, "probe_success"), lambda found: found["value"].tolist() == [1.0, 1.0])
    question = "mysql_slave_status_seconds_behind_master"
    lag = until(lambda: promql.query(url, question), lambda found: found["value"].tolist() == [0.0])
    assert lag["instance"].tolist() == ["replica-db"]


@pytest.mark.engine
def test_what_the_service_counts_is_what_the_rules_read(watched: Monitoring, live_stack: LiveStack) -> None:
    """The service names its metrics as the rules expect: traffic shows as a rate, and its failures as a ratio."""
    url, service = watched.prometheus_url, live_stack.url
    with httpx.Client(base_url=service, trust_env=False, timeout=20) as client:

        def asked(query: str) -> Callable[[], pd.DataFrame]:
            def ask() -> pd.DataFrame:
                for _ in range(3):
                    client.get("/orders")
                return promql.query(url, query)

            return ask

        until(asked("service:requests:rate10s"), lambda found: len(found) == 1 and found["value"].iloc[0] > 0.1)
        until(asked("service:errors:ratio10s"), lambda found: found["value"].tolist() == [0.0])
        p99 = until(asked("service:duration_seconds:p99"), lambda found: found["value"].gt(0).all() and len(found) == 1)
        assert p99["value"].iloc[0] < 2.5
    assert promql.query(url, 'count({job="service"})')["value"].iloc[0] < 210  # Prometheus adds some of its own


@pytest.mark.engine
def test_series_are_few(watched: Monitoring) -> None:
    """What nobody looks at is not kept: a few hundred series, and memory to match."""
    url = watched.prometheus_url
    used = until(
        lambda: promql.query(url, "sum by (service) (container_memory_working_set_bytes)"),
        lambda found: set(SERVICES) <= set(found.get("service", ())),
    )
    assert used[used["service"].isin(SERVICES)]["value"].sum() < 200 * MIB
    series = promql.query(url, 'count({__name__=~".+", job!="service"})')["value"].iloc[0]
    assert 50 < series < 600


@pytest.mark.engine
def test_alert_fires_and_resolves(watched: Monitoring, live_stack: LiveStack) -> None:
    """The service is killed: the webhook hears of it, once; it comes back, and the webhook hears that, too."""
    wait_quiet(watched)
    since = time.time()
    live_stack.stack.container("service").kill()
    fires = wait_for(watched, since, "ServiceDown", "firing")
    assert (fires["level"], fires["severity"]) == ("error", "critical")
    assert datetime.fromisoformat(fires["ts"]).timestamp() >= since
    live_stack.start("service")
    resolved = wait_for(watched, since, "ServiceDown", "resolved")
    assert resolved["starts_at"] == fires["starts_at"]
    assert sum(line["alert"] == "ServiceDown" for line in delivered(watched, since)) == 2


@pytest.mark.engine
def test_hanging_database_is_no_dead_service(watched: Monitoring, live_stack: LiveStack) -> None:
    """The master hangs: it is said of the database and of the service's health, and not that the service is down."""
    wait_quiet(watched)
    since = time.time()
    live_stack.pause("master-db")
    wait_for(watched, since, "HealthDown", "firing")
    database = wait_for(watched, since, "DatabaseDown", "firing")
    assert database["labels"]["instance"] == "master-db"
    wait_for(watched, since, "ReplicationStopped", "firing")
    live_stack.unpause("master-db")
    wait_for(watched, since, "HealthDown", "resolved")
    wait_for(watched, since, "ReplicationStopped", "resolved")
    assert "ServiceDown" not in {line["alert"] for line in delivered(watched, since)}


RULE = """
groups:
  - name: mine
    rules:
      - {{ alert: Mine, expr: '{expr}', labels: {{ severity: warning }}, annotations: {{ summary: "Tried out." }} }}
"""


@pytest.mark.engine
def test_rules_can_be_tried_out(watched: Monitoring) -> None:
    """A rule that promtool accepts is in use at once, reaches the webhook, and can be taken back."""
    since = time.time()
    watched.try_rules(RULE.format(expr="vector(1) > 0"))
    assert wait_for(watched, since, "Mine", "firing")["summary"] == "Tried out."
    watched.forget_rules()
    wait_for(watched, since, "Mine", "resolved")


@pytest.mark.engine
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (RULE.format(expr="sum(up"), "unclosed left parenthesis"),
        ("groups: [", "yaml"),
        ("groups:\n  - name: mine\n    rules:\n      - alert: Mine\n", "expr"),
        ('it\'s $(no) `shell` "either"', "cannot unmarshal"),
    ],
)
def test_rules_that_promtool_refuses_are_not_used(watched: Monitoring, text: str, says: str) -> None:
    """promtool's own words, and Prometheus goes on with what it had."""
    with pytest.raises(WorkshopError, match="promtool does not accept the rules") as caught:
        watched.try_rules(text)
    assert says in caught.value.output
    assert run_in(watched.stack.container("prometheus"), "ls /tmp/rules")[1] == b""


@pytest.mark.engine
@pytest.mark.parametrize("name", ["", "../etc", "a b", "x" * 41])
def test_rules_have_plain_names(watched: Monitoring, name: str) -> None:
    """A name becomes a file's name, and nothing else."""
    with pytest.raises(WorkshopError, match="is no name for rules"):
        watched.try_rules(RULE.format(expr="up"), name)


@pytest.mark.engine
def test_monitoring_user_sees_no_data(watched: Monitoring, live_stack: LiveStack) -> None:
    """In both databases and in Redis: how the server does, and nothing of what it holds."""
    password = (live_stack.stack.folder / "secrets" / "monitoring_password").read_text()
    for name in ("master-db", "replica-db"):
        container = live_stack.stack.container(name)
        client = 'mariadb --host=127.0.0.1 --user=monitoring --batch --skip-column-names --execute="$SQL"'
        code, said = run_in(container, client, MYSQL_PWD=password, SQL="SHOW DATABASES")
        assert (code, said.split()) == (0, [b"information_schema"])
        for statement in ("SELECT * FROM workshop.orders", "CREATE DATABASE x", "SELECT * FROM mysql.global_priv"):
            code, said = run_in(container, client, MYSQL_PWD=password, SQL=statement)
            assert code == 1
            assert b"denied" in said or b"--read-only" in said
    redis = live_stack.stack.container("redis")
    client = "redis-cli --no-auth-warning --user monitoring"
    assert b"redis_version" in run_in(redis, f"{client} INFO server", REDISCLI_AUTH=password)[1]
    for command in ("GET x", "KEYS '*'", "CONFIG GET '*'", "ACL LIST", "FLUSHALL", "MONITOR", "CLIENT LIST"):
        assert b"NOPERM" in run_in(redis, f"{client} {command}", REDISCLI_AUTH=password)[1], command


@pytest.mark.engine
def test_no_log_is_loud(watched: Monitoring) -> None:
    """Watching writes next to nothing, and what it writes is JSON."""
    for name in SERVICES:
        lines = watched.stack.container(name).logs().decode().splitlines()
        assert len(lines) < 200, name
        assert not [line for line in lines if not re.match(r'\{".*\}$', line)], name


# As a lesson asks.


@pytest.mark.engine
def test_an_answer_is_waited_for(watched: Monitoring) -> None:
    """Who waits for a value gets it; who waits in vain is told what there was instead."""
    metrics = MetricTools(watched)
    assert metrics.wait_until('sum(up{job="agent"})', lambda value: value == 1) == 1
    with pytest.raises(WorkshopError, match="still gives 1"):
        metrics.wait_until("vector(1)", lambda value: value == 2, within_seconds=0)
    with pytest.raises(WorkshopError, match="still gives nothing"):
        metrics.wait_until("nobody_measures_this", lambda value: True, within_seconds=0)


@pytest.mark.engine
def test_one_number_is_one_number(watched: Monitoring) -> None:
    """The number of a query that gives one; nobody who tells, or several, is said, and what to do."""
    metrics = MetricTools(watched)
    assert metrics.value("vector(1) * 2.5") == 2.5
    assert metrics.value("scalar(vector(3))") == 3
    with pytest.raises(WorkshopError, match=r"^The query gives nothing now: nobody_measures_this\. Look at"):
        metrics.value("nobody_measures_this")
    several = 'label_replace(vector(1), "x", "1", "", "") or vector(2)'
    with pytest.raises(WorkshopError, match=r"^The query gives 2 values, not one: label_.*\. Choose"):
        metrics.value(several)


@pytest.mark.engine
def test_a_range_begins_at_a_time(watched: Monitoring) -> None:
    """How long ago is no time: it is said in a sentence."""
    with pytest.raises(WorkshopError, match="is no time"):
        MetricTools(watched).over_time("up", since="10m")  # type: ignore[arg-type]


@pytest.mark.engine
def test_a_range_is_a_table_to_draw(watched: Monitoring) -> None:
    """One column a series, called after its labels; a query without labels has one column, too."""
    metrics = MetricTools(watched)
    metrics.wait_until("count(up == 1)", lambda value: value > 3)
    since = datetime.now(UTC) - timedelta(seconds=20)
    by_job = metrics.over_time("sum by (job) (up)", since=since)
    assert {"agent", "mysqld", "outside", "redis", "service"} == set(by_job.columns)
    assert str(by_job.index.tz) == "UTC"
    assert by_job["agent"].dropna().iloc[-1] == 1
    assert list(metrics.over_time("sum(up)", since=since).columns) == ["value"]


@pytest.mark.engine
def test_somebody_is_told(watched: Monitoring) -> None:
    """An alert that fires is pending or firing here, and delivered there; who waits in vain hears of it."""
    metrics = MetricTools(watched)
    since = datetime.now(UTC)
    watched.try_rules(RULE.format(expr="vector(1) > 0"))
    assert metrics.wait_told("Mine", since=since) >= since
    assert "Mine" in set(metrics.alerts().alert)
    told = metrics.told(since)
    assert list(told.columns) == TOLD
    assert told[told.alert == "Mine"].iloc[0][["status", "severity", "summary"]].tolist() == [
        "firing",
        "warning",
        "Tried out.",
    ]
    with pytest.raises(
        WorkshopError, match=r"Nobody was told that Other is firing within 0 s; there was .*Mine firing"
    ):
        metrics.wait_told("Other", since=since, within_seconds=0)
    watched.forget_rules()
    metrics.wait_told("Mine", "resolved", since=since)
