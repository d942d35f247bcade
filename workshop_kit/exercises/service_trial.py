"""Run the image of a participant's service for a check: hardened, bounded, and asked from outside."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from workshop_kit.engine import containers, images
from workshop_kit.engine.labels import COLLECT
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import service_image, trial, trial_settings
from workshop_kit.exercises.raw_http import Answer
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.exercises.check_api import Context, CheckResult
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.service_image import BuildFailed, ServiceImage, finding
from workshop_kit.exercises.start_failure import did_not_start
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

GIVEN = "/given"
"""The folder in a trial's container for what a check brings along."""
ORDER = {"item": "tea", "quantity": 1}
SHELLS = ("sh", "bash", "dash")
SHELL = "Process 1 is a shell, which passes no signal on."
ABOUT_PROCESS_1 = "tr '\\0' ' ' </proc/1/cmdline; echo; grep ^Uid: /proc/1/status"

CAUSES = (
    (
        r'Could not import module "([^"]+)"',
        "uvicorn finds no module {}.",
        "Does CMD name the file, and does a COPY bring it into the image?",
    ),
    (
        r'Attribute "([^"]+)" not found in module',
        "The module that CMD names has no {}.",
        "After the colon stands the name that app.py gives to the application.",
    ),
    (
        r"/bin/sh: \d+: \[([^,\s]+),?: not found",
        "CMD is no JSON list, so a shell runs it as text, and finds no program that is called [{}.",
        "In JSON, texts stand in double quotes, with a comma between two of them.",
    ),
    (
        rf"Uvicorn running on (http://(?!0\.0\.0\.0:{trial_settings.PORT}\b)\S+)",
        f"The service listens on {{}}, where nobody outside of the container reaches it on port {trial_settings.PORT}.",
        f"--host 0.0.0.0 stands for all addresses of the container, and --port {trial_settings.PORT} is the port to use.",
    ),
)
"""What the log of a service that takes no order says (a pattern whose group is named), what it means, where to look."""
NO_SUCH_USER = r"unable to find user ([^:\s]+)"


@contextlib.contextmanager
def run(context: Context, image: ServiceImage, **changes: Any) -> Iterator[Trial]:
    """Run the image; ``changes`` are fields of ``Spec``. Raises WorkshopError if the engine refuses to start it."""
    spec = Spec(
        image=image.tag,
        ports=(trial_settings.PORT,),
        labels={COLLECT: "no"},
        healthcheck=trial_settings.NO_HEALTHCHECK,
        host={"LogConfig": trial_settings.SMALL_LOG},
    )
    with containers.run(context.stack.session, replace(spec, **changes)) as running:
        ends_at = time.monotonic() + trial.DEADLINE_SECONDS + trial.busy_seconds()
        yield Trial(running, ends_at, superseded=context.superseded)


@contextlib.contextmanager
def built(context: Context) -> Iterator[ServiceImage]:
    """The image of the participant's folder, removed at the end of the block. Raises BuildFailed."""
    base = images.tags(context.stack.root)["python"]
    with service_image.built(context.stack.session, context.folder, base, context.superseded) as image:
        yield image


@contextlib.contextmanager
def beside_stack(
    context: Context,
    image: ServiceImage,
    *,
    deadline_seconds: float = trial.DEADLINE_SECONDS,
    environment: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    files: Mapping[str, str] | None = None,
    **changes: Any,
) -> Iterator[Trial]:
    """Run the image with the settings, the secrets and the databases of the stack's service.

    ``environment`` is added to the settings, the variables in ``without`` are taken from them; ``files`` (path below
    `GIVEN` to text) are put beside it; ``changes`` are fields of ``Spec``. Raises WorkshopError if the engine refuses.
    """
    stack = context.stack
    trial_settings.ensure_up(stack, context.report)
    context.report(Step("Check", None, "starting your service"))
    service = stack.container("service")
    secrets = trial_settings.secrets_of(service)
    of_its_image = set(service.image.attrs["Config"]["Env"] or ())
    settings = dict(pair.split("=", 1) for pair in set(service.attrs["Config"]["Env"]) - of_its_image)
    given = {f"{GIVEN}/{name}": text for name, text in (files or {}).items()}
    spec = Spec(
        image=image.tag,
        environment={name: value for name, value in {**settings, **(environment or {})}.items() if name not in without},
        network=f"{stack.project}_default",
        ports=(trial_settings.PORT,),
        volumes=(trial_settings.SECRETS, *([GIVEN] if given else [])),
        files={**secrets, **given},
        memory_bytes=trial_settings.MEMORY_BYTES,
        pids=trial_settings.PIDS,
        dns_options=("timeout:1", "attempts:1"),  # as compose.yaml has them
        labels={COLLECT: "no"},  # a trial's lines are for its check, not among those of the service
        healthcheck=trial_settings.NO_HEALTHCHECK,
        host={"LogConfig": trial_settings.SMALL_LOG},
    )
    names = tuple(f"{MY_SERVICE}/{path.name}" for path in context.folder.glob("*.py"))
    with containers.run(stack.session, replace(spec, **changes)) as running:
        ends_at = time.monotonic() + deadline_seconds + trial.busy_seconds()
        yield Trial(running, ends_at, tuple(secrets.values()), superseded=context.superseded, files=names)


def wait_order(tried: Trial) -> CheckResult | None:
    """None once an order is taken (201), else what there is to say."""
    ends_at = time.monotonic() + trial.start_seconds()
    while (answer := order(tried)).status != 201:
        over = tried.ended is not None or time.monotonic() > ends_at or not tried.left_seconds
        if answer.status is not None and (answer.status < 500 or over):
            return _refused(answer, tried.lines())
        if over:
            return takes_no_order(did_not_start(tried, "/orders"))
        time.sleep(trial.LOOK_SECONDS)
    return None


def takes_no_order(judged: CheckResult) -> CheckResult:
    """The verdict on a service that did not start, with the cause that its log names."""
    (finding,) = judged.findings
    called, means, look = finding.called.replace("GET", "POST"), finding.means, finding.look
    for pattern, meaning, advice in CAUSES:
        if said := re.search(pattern, judged.output):
            means, look = meaning.format(said[1]), advice
            break
    finding = replace(finding, called=called, expected="201", means=means, look=look)
    return replace(judged, summary=f"It did not start: {means}", findings=(finding,))


def order(tried: Trial) -> Answer:
    """``POST /orders``."""
    return tried.post("/orders", ORDER)


def process_1(tried: Trial) -> tuple[str, int]:
    """The command line of process 1, and the user it runs as."""
    said = tried.running.exec("sh", "-c", ABOUT_PROCESS_1).output
    command, _, status = said.rpartition("Uid:")
    return command.strip(), int(status.split()[0])


def is_shell(command: str) -> bool:
    """Whether a command line is a shell's."""
    return command.split(" ", maxsplit=1)[0].rpartition("/")[2] in SHELLS


def not_built(failed: BuildFailed) -> CheckResult:
    """What there is to say when the folder makes no image: nothing else can be judged."""
    found = finding(failed.said)
    return CheckResult(found.means, (found,), Verdict.DID_NOT_START)


def not_started(called: str, refused: WorkshopError, look: str) -> CheckResult:
    """What there is to say when the engine refuses to start the container."""
    why = re.search(r'exec: "[^"]*": [^:]+', refused.what)  # the runtime's own words, behind five layers of others
    got = why[0] if why else refused.what.rstrip(".")
    means = f"The engine refuses to start the container: {got}."
    if user := re.search(NO_SUCH_USER, refused.what):
        got, look = user[0], "A number needs no account: USER 10001:10001."
        means = f"USER names {user[1]}, and the image has no account of that name."
    found = Finding(False, called, got, "it runs", means, look)
    return CheckResult(found.means, (found,), Verdict.DID_NOT_START)


def _refused(answer: Answer, lines: str) -> CheckResult:
    means = f"The service answers {answer} to an order."
    found = Finding(False, "POST /orders", str(answer), "201", means, "Which route does app.py have for POST /orders?")
    return CheckResult(means, (found,), output=lines)
