"""Wrong answers on real containers: each gets the verdict and the finding for its mistake."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import SEED
from workshop_kit.engine import recipes, store
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.check_api import CheckEnded
from workshop_kit.exercises.checks import container_limits
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.exercises.result import Verdict
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import regions, solutions
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(120)]

FIRST_LESSON = solutions.files_at(CHECKOUT, "02")


def solved(identifier: str, file: str, lesson: str = "04_monitoring") -> str:
    """The solution's region in a file."""
    return regions.region_of(regions.solved(check_runner.marked(CHECKOUT, file, lesson)), identifier)


def changed(text: str, old: str, new: str) -> str:
    """A text with a change."""
    assert old in text
    return text.replace(old, new)


def limits(*lines: str) -> str:
    """The region of compose.yaml with these lines."""
    return "".join(f"    {line}\n" for line in lines)


DOCKERFILE = FIRST_LESSON["Dockerfile"]
PIP = "RUN pip install -r requirements.txt\n"
UVICORN = "uvicorn app:app --host 0.0.0.0 --port 8080"
ROOT = {"Dockerfile": changed(DOCKERFILE, "USER 10001:10001\n", "")}
CODE_FIRST = changed(DOCKERFILE, f"COPY requirements.txt .\n{PIP}COPY . .\n", f"COPY . .\n{PIP}")
DELETED = {".dockerignore": "", "Dockerfile": changed(DOCKERFILE, "USER", "RUN rm -rf .git .env\nUSER")}
IMAGES = [
    ({"Dockerfile": CODE_FIRST}, "installs all packages"),
    ({"requirements.txt": "starlette==1.10.0\nuvicorn==0.54.0\n"}, "newer than before: anyio, click, h11"),
    (DELETED, "the layer below still holds it"),
    ({"Dockerfile": changed(DOCKERFILE, "RUN", "USER 10001:10001\nRUN")}, "may not write"),
    ({"Dockerfile": changed(DOCKERFILE, '"uvicorn"', '"unicorn"')}, '"unicorn": executable file not found'),
    ({"Dockerfile": changed(DOCKERFILE, "app:app", "main:app")}, "uvicorn finds no module main"),
    ({"app.py": changed(FIRST_LESSON["app.py"], "(request):", "(request)")}, "SyntaxError: expected"),
]


@pytest.mark.long
@pytest.mark.parametrize(("files", "says"), IMAGES, ids=[says for _, says in IMAGES])
def test_each_wrong_image_is_named(stack: Stack, files: dict[str, str], says: str) -> None:
    """The folder is built and run, and the words of the result name the mistake."""
    result = check_runner.judge_files(stack, "container.dockerfile", files)
    assert result.verdict is not Verdict.PASSED
    assert says in check_runner.words(result)


MOST = container_limits.given(SEED)
MEMORY, CORES = f"mem_limit: {MOST['memory_mib']}m", f"cpus: {MOST['cores']}"
PROCESSES = f"pids_limit: {MOST['processes']}"
READ_ONLY = ("read_only: true", "tmpfs: /tmp")


@pytest.mark.parametrize(
    ("lines", "says"),
    [((MEMORY, f" {CORES}"), "line"), ((MEMORY, "readonly: true"), "property readonly is not allowed")],
)
def test_a_file_that_compose_refuses_is_one_sentence(tmp_path: Path, lines: tuple[str, ...], says: str) -> None:
    """In Compose's own words, without this machine's paths."""
    text = regions.replace(FIRST_LESSON["compose.yaml"], "container.limits", limits(*lines))
    (tmp_path / "compose.yaml").write_text(text)
    with pytest.raises(CheckEnded, match=r"^Compose refuses compose\.yaml: ") as refused:
        container_limits.read(tmp_path)
    assert says in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def images_of(stack: Stack) -> set[str]:
    """The images of this workspace, by name; those without one by id."""
    label = {"label": f"{SESSION}={stack.session.identity.session}"}
    found = stack.session.engine.client.api.images(filters=label)
    return {next(iter(image["RepoTags"] or ()), image["Id"]) for image in found}


def test_a_check_leaves_no_image(stack: Stack) -> None:
    """No image stays but the base with newer wheels, and no container."""
    before = images_of(stack)
    with check_runner.leaving_nothing(stack):
        result = check_runner.judge_files(stack, "container.dockerfile", ROOT)
    assert [finding.passed for finding in result.findings] == [False, True, True, True, True]
    assert "The service is root" in result.summary
    newer = f"{recipes.tags(stack.root)['python']}-newer-{stack.session.identity.session}"
    assert images_of(stack) - before <= {newer}


def test_a_newer_check_ends_the_running_one(stack: Stack, tmp_path: Path) -> None:
    """The older one ends without a result in the middle of its build, and leaves nothing."""
    exercise_service = ExerciseService.of(Workspace.open(tmp_path / "mine"), lambda: stack)
    path = exercise_service.workspace.my_service / "Dockerfile"
    path.write_text("FROM localhost/workshop/python:3.13\nRUN sleep 600\n")  # longer than the test may take
    building = threading.Event()
    with check_runner.leaving_nothing(stack), ThreadPoolExecutor(1) as pool:
        older = pool.submit(exercise_service.check, "container.dockerfile", lambda _: building.set())
        assert building.wait(60)
        checkpoint.solve(exercise_service, "container.dockerfile")
        assert exercise_service.check("container.dockerfile").passed
        with pytest.raises(Superseded):
            older.result()


RESTORE = solved("config.restore", "restoring.py", "02_configuration")
NO_FINALLY = changed(RESTORE, "try:\n        yield\n    finally:", "yield\n    if True:")
HARD_CODED = regions.region_of(
    regions.starter(check_runner.marked(CHECKOUT, "config.py", "02_configuration")), "config.env"
)
READS = solved("config.env", "config.py", "02_configuration")
FIRST_ONE_MISSING = changed(READS, "if one.variable in environ:", "if True:")
NONE_FOR_MISSING = changed(FIRST_ONE_MISSING, "environ[one.variable]", "environ.get(one.variable)")
AT_IMPORT = "import os\n\nENVIRON = dict(os.environ)\n" + re.sub(r"(?<= )environ(?=\[|:)", "ENVIRON", READS)

DEEP = solved("monitoring.deep", "health.py")
PROBE = solved("monitoring.healthcheck", "Dockerfile")
METRICS = solved("monitoring.metrics", "metrics.py")
RULES = regions.solved(check_runner.marked(CHECKOUT, "alerts.yml", "04_monitoring"))
STATUS = '"none" if status is None else str(status)'
PINGS = DEEP.replace("(_: Request)", "(request: Request)").replace(
    '    return respond(200, {"status": "pass"})',
    "    state = request.app.state\n    error = await answer_of(state.dependencies.redis)\n"
    '    return respond(503 if error else 200, {"status": "pass"})',
)
ASKS_HEALTH = """["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=1)"]"""
OF_DATABASE = PROBE.replace('["python", "-I", "-S", "/app/my_service/probe.py"]', ASKS_HEALTH)
NO_TIME = PROBE.replace("--retries=2 --start-period=10s", "--retries=1")
PROBES = ', route!~"/livez|/readyz|/health"'
WRAPPER = f"exec python -c 'import subprocess; subprocess.run(\"{UVICORN}\".split())'"
WRONG, LUCKY, NOT_UP = Verdict.WRONG, Verdict.LUCKY, Verdict.DID_NOT_START

REGIONS = [
    ("container.graceful", f"exec {UVICORN}", WRONG, "one client that never sends the rest"),
    ("container.graceful", f"trap 'exit 0' TERM\n{UVICORN} &\nwait", LUCKY, "without an answer, so the order is lost"),
    ("container.graceful", f'{UVICORN} &\ntrap "kill $!" TERM\nwait', WRONG, "SIGTERM ended process 1 itself"),
    ("container.graceful", f"exec {UVICORN} --timeout-graceful-shutdown 0", LUCKY, "gave up the order"),
    ("container.graceful", WRAPPER, WRONG, "The service does not hear SIGTERM and goes on taking orders"),
    ("container.limits", limits(MEMORY, CORES, *READ_ONLY), WRONG, "a fork bomb would take the whole machine"),
    ("container.limits", limits("mem_limit: 8m", CORES, PROCESSES, *READ_ONLY), NOT_UP, "memory"),  # killed, or refused
    ("config.env", HARD_CODED, LUCKY, "happen to be right"),
    ("config.env", FIRST_ONE_MISSING, NOT_UP, "KeyError: 'REDIS_USER'"),
    ("config.env", NONE_FOR_MISSING, NOT_UP, "REDIS_USER is set, but empty"),
    ("config.env", AT_IMPORT, WRONG, "when the module was imported"),
    ("config.restore", NO_FINALLY, WRONG, "What runs even if a test fails?"),
    ("config.file", "import os\nos._exit(0)\n", NOT_UP, "exit code 0"),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("identifier", "body", "verdict", "says"), REGIONS, ids=[f"{name}, {says}" for name, _, _, says in REGIONS]
)
def test_each_wrong_region_is_named(
    participant: Stack, identifier: str, body: str, verdict: Verdict, says: str
) -> None:
    """The service is built with the region and run; a hostile module yields findings, and never an exception."""
    result = check_runner.judge_region(participant, identifier, body)
    assert result.verdict is verdict, result
    assert says in check_runner.words(result), result


COLLECTOR = solved("logging.collector", "checkpoint.py", "03_logging")
PROMISES_FIRST = COLLECTOR.replace("        sync_folder", "        save(self)\n        sync_folder").replace(
    "        generation = self.generation + 1\n",
    "        generation = self.generation = self.generation + 1\n        save(self)\n",
)
NO_COMMAND = PROBE.replace(
    '"python", "-I", "-S", "/app/my_service/probe.py"', '"curl", "-f", "http://127.0.0.1:8080/livez"'
)
KEYED = [
    ("logging.collector", changed(COLLECTOR, "self.lines = {}", "self.line"), NOT_UP, "logging.collector.runs.crashed"),
    (
        "logging.collector",
        changed(COLLECTOR, "save(self)", "__import__('time').sleep(600)"),
        NOT_UP,
        "logging.collector.runs.endless",
    ),
    ("logging.collector", PROMISES_FIRST, WRONG, "logging.collector.once.lost"),
    ("monitoring.deep", PINGS, WRONG, "monitoring.deep.alive"),
    ("monitoring.healthcheck", "# no instruction\n", WRONG, "monitoring.healthcheck.there"),
    ("monitoring.healthcheck", NO_COMMAND, WRONG, "monitoring.healthcheck.command"),
    ("monitoring.healthcheck", OF_DATABASE, WRONG, "monitoring.healthcheck.serving.failing"),
    ("monitoring.healthcheck", NO_TIME, WRONG, "monitoring.healthcheck.starting.unhealthy"),
    ("monitoring.metrics", changed(METRICS, f", {STATUS}", ""), WRONG, "monitoring.metrics.counts.raised"),
]


@pytest.mark.usefixtures("quick_control")
@pytest.mark.long
@pytest.mark.timeout(600)  # on a busy machine limits are longer
@pytest.mark.parametrize(("identifier", "body", "verdict", "key"), KEYED, ids=[key for *_, key in KEYED])
def test_each_wrong_region_has_its_key(
    participant: Stack, identifier: str, body: str, verdict: Verdict, key: str
) -> None:
    """The finding for the mistake is the first that fails, and the others do not repeat it."""
    result = check_runner.judge_region(participant, identifier, body)
    assert result.verdict is verdict, result
    assert [finding.key for finding in result.findings if not finding.passed] == [key], result


HOSTILE = {
    "prints for ever": ("import sys\nwhile True:\n    sys.stdout.write('x' * 65536)\n", "does not listen"),
    "memory bomb": ("taken = []\nwhile True:\n    taken.append(bytearray(1024 * 1024))\n", "its 256 MiB of memory"),
}


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_module_is_named_in_time(participant: Stack, name: str) -> None:
    """The check ends, names the fault with a short tail of the log, and leaves nothing."""
    module, says = HOSTILE[name]
    with check_runner.leaving_nothing(participant):
        result = check_runner.judge(participant, "config.env", module)
    assert result.verdict is Verdict.DID_NOT_START
    assert says in result.summary
    assert all(finding.means and finding.look for finding in result.findings)
    assert len(result.output.encode()) <= 4096


def with_expression(expression: str) -> str:
    """The rules with this expression."""
    return regions.replace(RULES, "monitoring.ratio", f"        expr: >-\n          {expression}\n")


UNLIKE = "rate(http_requests_total{status=~'5..'}[10s]) / ignoring(status) rate(http_requests_total[10s]) > 0.05"


EXPRESSION = re.compile(r"^ +expr:", re.MULTILINE)


@pytest.mark.usefixtures("quick_control")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        (RULES.replace("5..", "[45].."), "monitoring.ratio.mistyped"),
        (RULES.replace(PROBES, ""), "monitoring.ratio.probes"),
        (RULES.replace("for: 2s", "for: 0s"), "monitoring.ratio.moment"),
        (RULES.replace("0.05", "5"), "monitoring.ratio.many"),
        (with_expression(UNLIKE), "monitoring.ratio.computes"),
        (with_expression("sum(rate(http_requests_total[10s])"), "monitoring.ratio.loads.refused"),
        (EXPRESSION.sub("      expr:", RULES), "monitoring.ratio.loads.indentation"),
        (EXPRESSION.sub("            expr:", RULES), "monitoring.ratio.loads.indentation"),
    ],
    ids=lambda value: value if "\n" not in value else "",
)
def test_each_wrong_alert_is_named(participant: Stack, text: str, key: str) -> None:
    """By the real promtool: silent where it should call, loud where it should not, or not computed at all."""
    assert text != RULES
    result = check_runner.judge(participant, "monitoring.ratio", text)
    assert result.verdict is Verdict.WRONG, result
    assert [finding.key for finding in result.findings if not finding.passed] == [key], result


NUMBERS = "select((.status | numbers) >= 500)"
PROGRAMS = [
    (f"fromjson? | objects | {NUMBERS.replace('>=', '>')} | .request_id | strings", "logging.jq.complete"),
    ("repeat(1)", "logging.jq.ended.endless"),
    ("fromjson? | (", "logging.jq.program"),
]


@pytest.mark.usefixtures("quick_control")
@pytest.mark.parametrize(("program", "key"), PROGRAMS, ids=[key for _, key in PROGRAMS])
def test_each_jq_program_gets_its_finding(participant: Stack, program: str, key: str) -> None:
    """By the real jq, over the live service's log."""
    result = check_runner.judge(participant, "logging.jq", program)
    assert not result.passed
    assert [finding.key for finding in result.findings if not finding.passed] == [key], result


@pytest.mark.long
def test_the_right_password_written_into_the_file_is_luck(participant: Stack) -> None:
    """Orders work, and the file and inspect show why they should not; the findings do not repeat the password."""
    password = store.settings_of(participant)["master_db/password"]
    value = password if isinstance(password, str) else password.get_secret_value()
    tasks = yaml.safe_load(regions.solved(check_runner.marked(CHECKOUT, "tasks.yaml", "02_configuration")))
    others = [one for one in tasks["desk"]["secrets"] if one["name"] != "MASTER_DB_PASSWORD"]
    tasks["desk"] |= {"environment": [{"name": "MASTER_DB_PASSWORD", "value": value}], "secrets": others}
    result = check_runner.judge(participant, "config.store", yaml.safe_dump(tasks))
    assert result.verdict is Verdict.LUCKY, result
    assert [finding.passed for finding in result.findings] == [False, True, False]
    assert value not in str(result)
