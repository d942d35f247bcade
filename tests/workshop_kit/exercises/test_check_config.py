"""The checks of lesson 02 on config.py and restoring.py: how a wrong answer is told apart from another one."""

from __future__ import annotations

import pytest

from tests.workshop_kit.exercises import trying
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.raw_http import Answer
from workshop_kit.exercises.checks import config, config_secrets
from workshop_kit.exercises.checks.config_look import Outcome
from workshop_kit.exercises.checks.config_refusal import REQUIRED, Refusal
from workshop_kit.exercises.result import Finding, Verdict

OTHER = config.Other(8123, "shop_7")


def refusal(*named: str, code: int | None = 1, lines: int = 1, json_lines: int = 1) -> Refusal:
    """How a start ended that was told too little."""
    return Refusal(code, frozenset(named), lines, json_lines)


@pytest.mark.parametrize(
    ("status", "its_database", "its_port", "refused", "verdict", "says"),
    [
        (503, True, True, refusal("HTTP_PORT"), Verdict.PASSED, "Told other settings"),
        (201, False, False, refusal(code=None), Verdict.LUCKY, "happen to be right"),
        (201, False, True, refusal("HTTP_PORT"), Verdict.WRONG, "An order went to"),
        (503, False, True, refusal("HTTP_PORT"), Verdict.WRONG, "not because it asked for shop_7"),
        (503, True, True, refusal("REDIS_PORT"), Verdict.WRONG, "without saying that HTTP_PORT is wrong"),
    ],
)
def test_reading_half_of_it_is_told_apart(
    status: int, its_database: bool, its_port: bool, refused: Refusal, verdict: Verdict, says: str
) -> None:
    """Constants that happen to be right are luck."""
    order = Answer(status, 0.0)
    findings = (
        config._database(order, OTHER, its_database),
        config._port(its_port, OTHER),
        config._typed(refused),
    )
    judged = config._env_judged(findings, order, "")
    assert judged.verdict is verdict
    assert says in judged.summary


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (refusal(), "names none of them"),
        (refusal("A_HOST"), "needs 2 deploys to learn all 2"),
        (refusal("A_HOST", "B_PORT", "C_NAME"), "complains about C_NAME, and nothing is wrong with that"),
        (refusal("A_HOST", "B_PORT", json_lines=0), "is no JSON"),
        (refusal("A_HOST", "B_PORT", lines=3), "spread over several lines"),
        (refusal("A_HOST", "B_PORT", code=0), "exit code 0"),
        (refusal("A_HOST", "B_PORT", code=None), "the first customer finds out"),
    ],
)
def test_half_a_report_is_told_what_it_lacks(told: Refusal, says: str) -> None:
    """All that is missing, nothing that is not, in one line, with exit code 1."""
    missing = ["A_HOST", "B_PORT"]
    findings = (
        config._ended(told),
        config._all_named(told, missing),
        config._none_invented(told, missing),
        config._one_line(told),
    )
    (wrong,) = (finding for finding in findings if not finding.passed)
    assert says in wrong.means


def test_what_is_missing_comes_from_the_seed_and_has_a_secret() -> None:
    """Three or four variables, the same for the same seed, and not the same for everybody."""
    chosen = [tuple(config.missing_of(seed)) for seed in range(30)]
    assert chosen == [tuple(config.missing_of(seed)) for seed in range(30)]
    assert len(set(chosen)) > 10
    assert all(len(some) in (3, 4) and set(some) <= set(REQUIRED) for some in chosen)
    assert all(any(name.endswith("PASSWORD") for name in some) for some in chosen)


SECRET = "canary-0f1e2d3c4b5a"
NAMED = refusal("LOG_LEVEL", "MASTER_DB_PORT")


@pytest.mark.parametrize(
    ("finding", "says"),
    [
        (config_secrets._log(NAMED, []), ""),
        (config_secrets._log(NAMED, ["log"]), "stands in the log now"),
        (config_secrets._log(refusal("LOG_LEVEL"), []), "does not say which variable"),
        (config_secrets._printed(Outcome(SECRET), SECRET), ""),
        (config_secrets._printed(Outcome(SECRET, texts={"repr": f"…{SECRET[3:12]}…"}), SECRET), "prints the settings"),
        (config_secrets._printed(Outcome("*****"), SECRET), "no longer gets its password"),
        (config_secrets._error(Outcome(refused=("LOG_LEVEL",)), ["its traceback"]), "into a ticket or a chat"),
        (config_secrets._exact(False, Outcome("cut")), "What belongs to the secret was cut off"),
        (config_secrets._refused(Outcome(raised="IsADirectoryError"), "Name a folder", "It fails."), "It fails."),
        (config_secrets._refused(Outcome("one"), "Set both", "In silence."), "In silence."),
    ],
)
def test_each_mistake_with_a_secret_has_its_finding(finding: Finding, says: str) -> None:
    """A part of a value is a leak, too; and hiding it from the service is no solution."""
    assert finding.passed == (not says)
    assert says in finding.means


RESTORES = """
@contextmanager
def environment(**changes):
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    yield
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
"""
HARD_CODED = """
def read(environ):
    known = dict(user="colleague", password="tea4Two!Kyoto19")
    database = dict(port="3306", name="workshop", sql_mode="STRICT_ALL_TABLES", **known)
    return {
        "master_db": {"host": "master-db", **database},
        "replica_db": {"host": "replica-db", **database},
        "redis": {"host": "redis", "port": "6379", **known},
        "http": {"port": "8080"},
        "log": {"level": "info"},
    }
"""
READS = """
import os

ENVIRON = dict(os.environ)

def read(environ):
    settings = {group: {} for group in GROUPS}
    for one in VARIABLES:
        #
    return settings
"""
FIRST_ONE_MISSING = READS.replace("#", "settings[one.group][one.name] = environ[one.variable]")
NONE_FOR_MISSING = READS.replace("#", "settings[one.group][one.name] = environ.get(one.variable)")
AT_IMPORT = READS.replace(
    "#", "if one.variable in ENVIRON:\n            settings[one.group][one.name] = ENVIRON[one.variable]"
)
PRINTS = (
    AT_IMPORT.replace("ENVIRON", "environ")
    .replace("return", "print(settings, flush=True)\n    return")
    .replace("environ = dict(os.environ)\n", "")
)
REPORTS_ALL = (
    "def missing(environ):\n    return [Problem(one.variable, one.purpose, 'is not set') for one in VARIABLES]\n"
)
IS_TEXT = """
class Secret(str):
    def get_secret_value(self):
        return str(self)

def what_is_wrong(value, problem):
    return "cannot be used"
"""
STRIPS = """
def from_file(variable, environ):
    path = environ.get(f"{variable}_FILE")
    if path and variable in environ:
        raise ValueError("is set twice")
    return Path(path).read_text().strip() if path else None
"""


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.parametrize(
    ("identifier", "body", "verdict", "says"),
    [
        pytest.param("config.env", HARD_CODED, Verdict.LUCKY, "happen to be right", id="constants"),
        pytest.param("config.env", FIRST_ONE_MISSING, Verdict.DID_NOT_START, "KeyError: 'REDIS_USER'", id="brackets"),
        pytest.param("config.env", NONE_FOR_MISSING, Verdict.DID_NOT_START, "REDIS_USER is set, but empty", id="get"),
        pytest.param("config.env", AT_IMPORT, Verdict.WRONG, "when the module was imported", id="at import"),
        pytest.param("config.env", PRINTS, Verdict.WRONG, "It prints what it reads", id="prints"),
        pytest.param("config.redact", IS_TEXT, Verdict.WRONG, "prints the settings shows", id="text"),
        pytest.param("config.restore", RESTORES, Verdict.WRONG, "What runs even if a test fails?", id="no finally"),
        pytest.param("config.file", STRIPS, Verdict.WRONG, "FileNotFoundError", id="strips"),
        pytest.param("config.file", "import os\nos._exit(0)\n", Verdict.DID_NOT_START, "exit code 0", id="leaves"),
    ],
)
def test_wrong_answers_on_real_containers(
    participant: Stack, identifier: str, body: str, verdict: Verdict, says: str
) -> None:
    """A hostile module yields findings; the check itself never fails."""
    judged = trying.judge_region(participant, identifier, body)
    assert judged.verdict is verdict, judged
    assert says in trying.words(judged)
