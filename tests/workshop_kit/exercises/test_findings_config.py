"""The checks of lesson 02 on recorded observations: each mistake gets its own finding."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.workshop_kit.exercises.check_runner import failed_keys
from workshop_kit.checks import (
    config,
    config_env,
    config_limits,
    config_report,
    config_restore,
    config_secrets,
    config_tasks,
    container_limits,
    monitoring_healthcheck,
)
from workshop_kit.checks.config import Refusal
from workshop_kit.checks.config_limits import Replies, Reply
from workshop_kit.observe.http import Answer
from workshop_kit.trials.check_api import CheckEnded


def refusal(*variables: str, code: int | None = 1, line_count: int = 1, exception: str = "", text: str = "") -> Refusal:
    """The end of a start with settings that it cannot use."""
    return Refusal(code, frozenset(variables), line_count, exception, text)


FIRST_ID = 500_000_001
THERE = {"id": FIRST_ID, "item": "cof", "quantity": 1}


def placed(status: int = 201, **order: object) -> Answer:
    """The answer to an order of coffee."""
    return Answer(status, 0.1, json.dumps({**THERE, **order}))


REFUSED_BY_DRIVER = """Traceback (most recent call last):
  File "/app/orders.py", line 40, in create
    [order] = await request.app.state.master.run(INSERT)
  File "/venv/lib/python3.13/site-packages/asyncmy/connection.pyx", line 1075, in _query
sqlalchemy.exc.OperationalError: (asyncmy.errors.OperationalError) (1045, "Access denied for user 'colleague'")
(Background on this error at: https://sqlalche.me/e/21/e3q8)
"""
TOO_LONG = REFUSED_BY_DRIVER.replace("Access denied for user 'colleague'", "Data too long for column 'item' at row 1")
ORDERS = {
    "config.env.order.elsewhere": (placed(id=7, item="coffee"), ""),
    "config.env.order.mode": (placed(500), TOO_LONG),
    "config.env.order.failed": (placed(500), REFUSED_BY_DRIVER),
}


@pytest.mark.parametrize(("key", "observation"), ORDERS.items(), ids=ORDERS)
def test_an_order_that_does_not_follow_the_settings_is_named(key: str, observation: tuple[Answer, str]) -> None:
    """By the database in which it is, or by what the driver said."""
    order, log = observation
    assert failed_keys([config_env.order_finding(order, log, FIRST_ID)]) == [key]


def test_an_order_in_the_database_of_the_settings_passes() -> None:
    """Its id is one of that database, and its item was shortened, as in no strict mode."""
    assert config_env.order_finding(placed(), "", FIRST_ID).passed
    in_strict_mode = config_env.order_finding(placed(item="coffee"), "", FIRST_ID)
    assert failed_keys([in_strict_mode]) == ["config.env.order.mode"]


def test_what_the_driver_said_is_told_without_the_words_around_it() -> None:
    """A person needs the user, not the links of a library."""
    finding = config_env.order_finding(placed(500), REFUSED_BY_DRIVER, FIRST_ID)
    assert finding.means == "The order failed: Access denied for user 'colleague'."
    silent = config_env.order_finding(placed(503), "INFO: started", FIRST_ID)
    assert silent.means == "The order failed: its log does not say why."


def test_a_value_that_is_written_down_is_named() -> None:
    """A password that is printed; a database that nobody named; a function that ignores its argument."""
    right = dict(config_env.OTHER_VALUES)
    assert failed_keys([config_env.secrets_finding("password=(secret)")]) == ["config.env.secrets"]
    assert failed_keys([config_env.missing_settings_finding(placed())]) == ["config.env.default"]
    assert failed_keys([config_env.group_finding({**right, "HOST": "master-db"})]) == ["config.env.group"]
    assert config_env.group_finding({"raised": "KeyError: 'NAME'"}).got == "KeyError: 'NAME'"
    passed = (
        config_env.secrets_finding(""),
        config_env.missing_settings_finding(None),
        config_env.group_finding(right),
    )
    assert failed_keys([*passed, config_env.missing_settings_finding(placed(503))]) == []


ALL = config_report.WANTED
NO_GROUP = [name for name in ALL if name not in config_report.GROUP]
REPORTS = {
    "config.report.refuses.runs": refusal(code=None, line_count=9),
    "config.report.refuses.ended": refusal(code=0, line_count=0),
    "config.report.refuses.raised": refusal(line_count=7, exception="KeyError: 'host' (config.py, line 9)"),
    "config.report.names.none": refusal(),
    "config.report.names.one": refusal(ALL[0]),
    "config.report.names.some": refusal(*ALL[:3]),
    "config.report.names.group": refusal(*NO_GROUP),
    "config.report.names.wrong": refusal(*config_report.MISSING),
    "config.report.others": refusal(*ALL, "REDIS_USER"),
    "config.report.lines": refusal(*ALL, line_count=3),
}


@pytest.mark.parametrize(("key", "end"), REPORTS.items(), ids=REPORTS)
def test_an_incomplete_report_is_named(key: str, end: Refusal) -> None:
    """All that is wrong, nothing that is not, in one line, with exit code 1. What only follows is left out."""
    assert failed_keys(config_report.report_findings(end)) == [key]


def test_a_report_that_is_written_down_is_named() -> None:
    """It names what was wrong the first time; another one sees only what is missing."""
    only_missing = refusal(*config_report.OTHERS_MISSING)
    assert failed_keys([config_report.second_start_finding(refusal(*ALL))]) == ["config.report.again.same"]
    assert failed_keys([config_report.second_start_finding(only_missing)]) == ["config.report.again.other"]
    assert config_report.second_start_finding(refusal(*config_report.OTHERWISE)).passed


def test_a_service_that_refuses_right_settings_is_named() -> None:
    """Also one that starts with them, and takes no order."""
    assert failed_keys([config_report.acceptance_finding(refusal("REDIS_PORT"))]) == ["config.report.accepts.refused"]
    assert failed_keys([config_report.acceptance_finding(placed(503))]) == ["config.report.accepts.failed"]
    assert config_report.acceptance_finding(placed()).passed


def test_a_whole_report_passes() -> None:
    """Each of the four findings is there."""
    findings = config_report.report_findings(refusal(*ALL))
    assert [finding.passed for finding in findings] == [True] * 4


@pytest.mark.parametrize(
    "line",
    [
        "configuration refused: MASTER_DB_HOST: Field required; REDIS_PORT: Input should be a valid integer",
        json.dumps({"problems": ["MASTER_DB_HOST: Field required", "REDIS_PORT: is no number"]}),
        "MASTER_DB_HOST and REDIS_PORT_FILE are wrong",
    ],
)
def test_variables_are_found_in_any_form_of_a_line(line: str) -> None:
    """As text, as JSON, and with the name of their file."""
    assert set(config.VARIABLE.findall(line)) == {"MASTER_DB_HOST", "REDIS_PORT"}


def reply(request: str, status: int, answered: int | None, *, in_time: bool = True) -> Reply:
    """An answer while a dependency was away, and the status that it should have had."""
    return Reply(request, Answer(answered, 0.4), status, 1.5, in_time)


POST = "POST /orders"
GET = "GET /orders"
SOLD = [reply(POST, 201, 201), reply(GET, 200, 200)]
READ = [reply(GET, 200, 200)]
REFUSED = [reply(POST, 503, 503), reply(GET, 200, 200)]
AWAY = {
    "config.limits.redis.waits": ("redis", {"hangs": [reply(POST, 201, None, in_time=False)]}),
    "config.limits.redis.fails": ("redis", {"hangs": SOLD, "refuses": [reply(POST, 201, 500)]}),
    "config.limits.replica.waits": ("replica-db", {"hangs": [reply(GET, 200, 200, in_time=False)]}),
    "config.limits.replica.fails": ("replica-db", {"hangs": READ, "refuses": [reply(GET, 200, 503)]}),
    "config.limits.master.waits": ("master-db", {"hangs": [reply(POST, 503, 503, in_time=False)]}),
    "config.limits.master.fails": ("master-db", {"hangs": REFUSED, "refuses": [reply(POST, 503, 500), *READ]}),
    "config.limits.master.reads": ("master-db", {"hangs": [reply(POST, 503, 503), reply(GET, 200, 503)]}),
}


@pytest.mark.parametrize(("key", "observation"), AWAY.items(), ids=AWAY)
def test_a_customer_who_suffers_for_a_dependency_is_named(key: str, observation: tuple[str, Replies]) -> None:
    """The first of the answers that was wrong, by what the dependency did."""
    name, replies = observation
    finding = config_limits.replies_finding(name, replies)
    assert failed_keys([finding]) == [key]
    state = [*replies][-1]
    assert f" {state}, and" in finding.means


def test_customers_who_are_served_in_time_pass() -> None:
    """An order without its cache, a list without the replica, and a refusal in time without the master."""
    for name, of_state in (("redis", SOLD), ("replica-db", READ), ("master-db", REFUSED)):
        assert config_limits.replies_finding(name, {"hangs": of_state, "refuses": of_state}).passed


def test_a_cache_that_is_not_used_is_named() -> None:
    """While all is well, and once all is well again."""
    hit = Answer(200, 0.1, headers={"x-cache": "hit"})
    assert failed_keys([config_limits.cache_finding(Answer(200, 0.1))]) == ["config.limits.cache"]
    assert failed_keys([config_limits.recovery_finding(Answer(503, 0.1))]) == ["config.limits.back"]
    assert failed_keys([config_limits.cache_finding(hit), config_limits.recovery_finding(hit)]) == []


@pytest.mark.parametrize("numbers_of", [container_limits.task_numbers, monitoring_healthcheck.task_numbers])
def test_the_numbers_of_a_task_come_from_the_seed(numbers_of: Callable[[int], object]) -> None:
    """The same for the same participant, and not for everybody."""
    assert numbers_of(3) == numbers_of(3)
    assert len({str(numbers_of(seed)) for seed in range(30)}) > 5


SECRET = "canary-0f1e2d3c4b5a"
WRONG = config_secrets.WRONG
SAID = "configuration refused: MASTER_DB_NAME: Field required; MASTER_DB_PORT: no number; HTTP_PORT: no number"
LEAKS = {
    "config.redact.log.shown": refusal(*WRONG, text=f"{SAID} …{SECRET[3:12]}…"),
    "config.redact.log.unnamed": refusal("MASTER_DB_NAME", text=SAID),
    "config.redact.log.accepted": refusal(code=None),
    "config.redact.reason": refusal(*WRONG, text=SAID.replace("no number", "Field required")),
}


@pytest.mark.parametrize(("key", "end"), LEAKS.items(), ids=LEAKS)
def test_each_leak_of_a_secret_is_named(key: str, end: Refusal) -> None:
    """A part of a value is a leak, too; and to say nothing is no solution."""
    assert failed_keys(config_secrets.redact_findings(end, SECRET)) == [key]


@pytest.mark.parametrize("text", [SAID, json.dumps({"problems": SAID.partition(": ")[2].split("; ")})])
def test_a_report_that_shows_no_value_passes(text: str) -> None:
    """As text and as JSON: each variable with a reason."""
    assert failed_keys(config_secrets.redact_findings(refusal(*WRONG, text=text), SECRET)) == []


BOTH = refusal(text="configuration refused: MASTER_DB: Value error, PASSWORD and PASSWORD_FILE are both set")
UNREADABLE = refusal(text='{"problems":["MASTER_DB: Value error, the file that PASSWORD_FILE names is a folder"]}')
RAISED = refusal(exception="IsADirectoryError: [Errno 21] Is a directory: '/tmp' (config.py, line 40)", text="…")
RUNS = refusal(code=None)
FILES = {
    "config.file.order": (placed(503), placed(), BOTH, UNREADABLE),
    "config.file.exact.changed": (placed(), placed(503), BOTH, UNREADABLE),
    "config.file.exact.refused": (placed(), refusal("MASTER_DB_PASSWORD"), BOTH, UNREADABLE),
    "config.file.both.accepted": (placed(), placed(), RUNS, UNREADABLE),
    "config.file.both.raised": (placed(), placed(), RAISED, UNREADABLE),
    "config.file.folder.accepted": (placed(), placed(), BOTH, RUNS),
    "config.file.folder.raised": (placed(), placed(), BOTH, RAISED),
}


@pytest.mark.parametrize(("key", "answers"), FILES.items(), ids=FILES)
def test_each_mistake_with_a_secret_in_a_file_is_named(
    key: str, answers: tuple[Answer, Answer | Refusal, Refusal, Refusal]
) -> None:
    """The password, a secret with blanks, one that is set twice, and a file that cannot be read."""
    assert failed_keys(config_secrets.file_findings(*answers)) == [key]


def test_right_answers_to_files_pass() -> None:
    """Both orders are placed, and both mistakes refused."""
    assert failed_keys(config_secrets.file_findings(placed(), placed(), BOTH, UNREADABLE)) == []


AS_IT_WAS = config_restore.RIGHT
EMPTY = ("as asked", "", "before")
CHANGED = ("as asked", None, "within")
NOT_PUT_BACK = ("as asked", "within", "within")
TESTS = {
    "config.restore.plain.within": (("NameError", None, "before"), ("NameError", None, "before"), AS_IT_WAS),
    "config.restore.plain.empty": (EMPTY, EMPTY, EMPTY),
    "config.restore.plain.left": (CHANGED, CHANGED, CHANGED),
    "config.restore.raising.within": (AS_IT_WAS, ("not as asked", None, "before"), AS_IT_WAS),
    "config.restore.raising.left": (AS_IT_WAS, NOT_PUT_BACK, AS_IT_WAS),
    "config.restore.nested": (AS_IT_WAS, AS_IT_WAS, NOT_PUT_BACK),
}


@pytest.mark.parametrize(("key", "observations"), TESTS.items(), ids=TESTS)
def test_what_a_test_leaves_behind_is_named(
    key: str, observations: tuple[config_restore.SituationOutcome, ...]
) -> None:
    """What only repeats the failure of the first situation is left out."""
    assert failed_keys(config_restore.restore_findings(situations(observations))) == [key]


def situations(observations: tuple[config_restore.SituationOutcome, ...]) -> dict[str, config_restore.SituationOutcome]:
    """What the three situations left, by name."""
    return dict(zip(("plain", "raising", "nested"), observations, strict=True))


def test_another_fault_behind_the_first_is_named_too() -> None:
    """A variable is left empty, and a test that fails puts nothing back: two faults."""
    findings = config_restore.restore_findings(situations((EMPTY, NOT_PUT_BACK, EMPTY)))
    assert failed_keys(findings) == ["config.restore.plain.empty", "config.restore.raising.left"]
    assert failed_keys(config_restore.restore_findings(situations((AS_IT_WAS, AS_IT_WAS, AS_IT_WAS)))) == []


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("start.yaml.shape", "", "dictionary"),
        ("start.yaml.shape", "qa:\n  image: !!python/object/apply:os.system ['true']", "line 2"),
        ("start.yaml.indentation", "qa:\n  image: x\n   secrets: 1", "tasks.yaml, line 3: the indentation"),
        ("start.yaml.level", "qa:\n  image: x\nsecrets: []\n", "line 3: by its indentation `secrets`"),
        ("start.yaml.level", "qa:\n  image: x\n  staging:\n    image: x\n", "`staging` belongs to qa"),
        ("start.yaml.syntax", "qa:\n  image x\n  secrets: []\n", "line 3"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(key: str, text: str, words: str) -> None:
    """With the line, and whether it is the indentation. No traceback, and no code that runs."""
    with pytest.raises(CheckEnded) as refused:
        config_tasks.read(text)
    assert failed_keys(refused.value.result.findings) == [key]
    assert words in str(refused.value)
    assert len(str(refused.value)) < 250


def test_one_image_for_all_environments() -> None:
    """The desk's is not compared; the names of the others are told."""
    definition = config_tasks.Definition
    fragment = {"production": definition(image="${IMAGE}"), "qa": definition(image="app:qa"), "desk": definition()}
    finding = config_tasks._image_finding(fragment)
    assert (finding.key, finding.got) == ("config.environments.image", "qa: app:qa")
