"""The checks of lesson 02 on tasks.yaml: one image as three environments, and a start from the store."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from pydantic import SecretStr

from workshop_kit.engine.aws import NotAllowed
from workshop_kit.engine.store import Settings, Store
from workshop_kit.engine.tasks import environments as tasks
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import trial_settings
from workshop_kit.exercises.checks import config_fragment, config_order, config_store
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.start_failure import did_not_start, wait_started
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

AT_ONCE = (("production", "staging"), ("qa",))
"""Two containers at a time: a third would make all of them wait."""
DESK = "desk"
READY_SECONDS = 20.0


@check("config.environments")
def environments(context: Context) -> CheckResult:
    """Start all three, each with a user who may read its own settings only; look at what each is told."""
    fragment = _read(context)
    if isinstance(fragment, CheckResult):
        return fragment
    trial_settings.ensure_up(context.stack, context.report)
    settings = tasks.three(context.stack)
    store = config_store.filled(context.stack, settings, context.report)
    starts: list[Finding] = []
    for names in AT_ONCE:
        context.report(Step("Check", None, f"starting {' and '.join(names)}"))
        starts += _started(context, store, settings, {name: fragment.get(name) for name in names})
    findings = (*starts, _one_image(fragment), _no_passwords(fragment, *settings))
    wrong = [finding for finding in findings if not finding.passed]
    if not wrong:
        return CheckResult("One image runs as three environments, and each could read its own settings only.", findings)
    works = all(finding.passed for finding in starts)
    return CheckResult(wrong[0].means, findings, Verdict.LUCKY if works else Verdict.WRONG)


def _read(context: Context) -> dict[str, dict[str, Any]] | CheckResult:
    try:
        return config_fragment.read(context.text)
    except WorkshopError as error:
        finding = Finding(False, "Read tasks.yaml", error.what, "it can be read", error.what, error.next_step)
        return CheckResult(error.what, (finding,), Verdict.NOT_READABLE)


def _started(
    context: Context, store: Store, settings: Mapping[str, Settings], definitions: Mapping[str, dict[str, Any] | None]
) -> list[Finding]:
    """Start some environments at once, and look at each."""
    image = context.stack.container("service").attrs["Image"]
    with ExitStack() as stack:
        tried: dict[str, Trial | WorkshopError] = {}
        for name, one in definitions.items():
            own = settings[name]
            try:
                if one is None:
                    raise WorkshopError(f"tasks.yaml has no {name}.")
                task = config_fragment.definition_of(one, image, config_store.shared(own), int(str(own[tasks.PORT])))
                tried[name] = stack.enter_context(
                    config_store.running(context.stack, task, store.reader(name), settings[name])
                )
            except WorkshopError as error:
                tried[name] = error
        return [_start(name, settings[name], definitions[name] or {}, one) for name, one in tried.items()]


def _start(name: str, own: Settings, definition: Mapping[str, Any], tried: Trial | WorkshopError) -> Finding:
    port, level = str(own[tasks.PORT]), str(own["log/level"])
    called = f"Start {name}, as a user who may read /workshop/{name} and nothing else"
    expected = f"ready on port {port}, logging from {level}"
    look = f"Which paths of the store does {name} ask for?"
    if isinstance(tried, WorkshopError):
        means = f"{name} does not start: {tried.what}"
        strange = config_fragment.elsewhere(definition, name)
        if strange and isinstance(tried, NotAllowed):
            means = f"{name} asked for {strange[0]}, which is not its own, and was refused: it does not start."
        return Finding(False, called, tried.what, expected, means, look)
    told = dict(pair.split("=", 1) for pair in tried.inspect()["Config"]["Env"])
    ready = wait_started(tried, "/readyz", within_seconds=READY_SECONDS) is None
    means = f"{name} runs, and is not ready on port {port}: whoever is to use it does not find it there."
    if ready:
        means = f"{name} logs from {told.get('LOG_LEVEL', 'info')}, and its settings in the store say {level}."
    return found(
        ready and told.get("LOG_LEVEL", "info") == level,
        called,
        f"{'ready' if ready else 'not ready'} on port {port}, logging from {told.get('LOG_LEVEL', 'info')}",
        expected,
        means,
        look,
    )


def _one_image(fragment: Mapping[str, Mapping[str, Any]]) -> Finding:
    named = {name: str(fragment.get(name, {}).get("image", "none"))[:80] for names in AT_ONCE for name in names}
    other = [f"{name}: {image}" for name, image in named.items() if image != config_fragment.IMAGE]
    first = other[0].partition(":")[0] if other else ""
    return found(
        not other,
        "Read which image each of them names",
        ", ".join(other) or "the same digest, three times",
        f"{config_fragment.IMAGE}, the same digest, in all three",
        f"{first} names an image of its own: what is tested there is not what runs in production.",
        "An image is built once. What is left to differ, then?",
    )


def _no_passwords(fragment: Mapping[str, Mapping[str, Any]], *names: str) -> Finding:
    shown = [f"{name}: {variable}" for name in names for variable in config_fragment.passwords(fragment.get(name, {}))]
    return found(
        not shown,
        "Read tasks.yaml as a colleague would",
        f"a password as text, in {', '.join(shown[:3])}" if shown else "paths, and no password",
        "paths, and no password",
        "Whoever may read this file, or any of its old versions, knows the password.",
        "Which key takes a path in the store in place of a value?",
    )


@check("config.store")
def store(context: Context) -> CheckResult:
    """Start the desk's service from its file and the store, place an order, and look for what shows."""
    fragment = _read(context)
    if isinstance(fragment, CheckResult):
        return fragment
    trial_settings.ensure_up(context.stack, context.report)
    own = tasks.settings_of(context.stack)
    filled = config_store.filled(context.stack, {DESK: own}, context.report)
    image = context.stack.container("service").attrs["Image"]
    context.report(Step("Check", None, "starting the service of your desk"))
    written = _no_passwords(fragment, DESK)
    try:
        task = config_fragment.definition_of(fragment.get(DESK, {}), image, config_store.shared(own), trial_settings.PORT)
        with config_store.running(context.stack, task, filled.reader(DESK), own, delivery="files") as tried:
            return did_not_start(tried) if not tried.wait_answer("/livez") else _desk(tried, own, written)
    except WorkshopError as refused:
        look = "Which parameters are there under /workshop/desk?"
        finding = Finding(False, "Start it", refused.what, "it runs", refused.what, look)
        return CheckResult(refused.what, (written, finding), Verdict.DID_NOT_START)


def _desk(tried: Trial, own: Settings, written: Finding) -> CheckResult:
    order = config_order.place(tried, "config.store")
    placed = found(
        order.status == 201,
        "POST /orders",
        str(order),
        "201",
        "The passwords in the store are new; the service has others, and every order fails.",
        "Where does the service get its password, and when?",
    )
    findings = (written, placed, _inspected(tried, own))
    wrong = [finding for finding in findings if not finding.passed]
    if not wrong:
        return CheckResult("It got its passwords when it started, and no file and no inspect shows them.", findings)
    return CheckResult(wrong[0].means, findings, Verdict.LUCKY if placed.passed else Verdict.WRONG, tried.lines())


def _inspected(tried: Trial, own: Settings) -> Finding:
    told = dict(pair.split("=", 1) for pair in tried.inspect()["Config"]["Env"])
    secret = {value.get_secret_value() for value in own.values() if isinstance(value, SecretStr)}
    shown = sorted(name for name, value in told.items() if name.endswith("PASSWORD") or value in secret)
    return found(
        not shown,
        "docker inspect, of the running container",
        f"a password in {', '.join(shown)}" if shown else "paths of files, no password",
        "no password",
        "Whoever may look at the container sees the password.",
        "What stands in secrets is delivered as files here; what stands in environment is for everybody to see.",
    )
