"""Rules on monitoring: health check, probes, metrics."""

from __future__ import annotations

from collections.abc import Iterator

from container_audit.findings import Evidence, Judgment, cannot_tell, fails, holds, not_applicable
from container_audit.subject import FrozenRun, Subject
from workshop_kit.observe.http import Answer
from workshop_kit.observe.scrape import parse_line, samples

FAST_SECONDS = 1.0
LIVENESS = ("/livez", "/live", "/health/live", "/-/healthy")
"""Paths for liveness; /healthz and /health may also mean readiness."""
TOLERANCE_SECONDS = 0.25
"""A probe with a timeout of one second may answer a little later."""
EVERYTHING = "It answers any path with a success, also a random one: its answers say nothing."


def health_check(subject: Subject) -> Judgment:
    """Hold if image or container defines a health check; without one fail if it serves a port.

    Without both it may be a job, which needs none: that cannot be told.
    """
    test = _health_test(subject)
    evidence = Evidence("docker inspect: Config.Healthcheck.Test", " ".join(test) or "none")
    if is_checked(subject):
        return holds("One is defined.", evidence)
    if subject.target.config.get("ExposedPorts") or subject.target.host.get("PortBindings"):
        return fails("It serves a port, and none is defined.", evidence)
    return cannot_tell("None is defined; it names no port, and a job that ends by itself needs none.", evidence)


def is_checked(subject: Subject) -> bool:
    """Return whether the image or the container defines a health check."""
    test = _health_test(subject)
    return bool(test) and test != ["NONE"]


def _health_test(subject: Subject) -> list[str]:
    """Return ``Healthcheck.Test``: the words of the command, ``["NONE"]`` if it is disabled; empty without a check."""
    settings = subject.target.config.get("Healthcheck") or {}
    test: list[str] = settings.get("Test") or []
    return test


def health_truthful(subject: Subject) -> Judgment:
    """Hold if the health check fails when all processes are stopped by SIGSTOP."""
    if not is_checked(subject):
        return not_applicable("No health check is defined.")
    return judge_frozen(subject.freeze_processes())


def judge_frozen(frozen: FrozenRun) -> Judgment:
    """Judge a health check by its results after all processes were stopped.

    A check that said "healthy" then fails the rule also on a busy machine; one that only took long does not.
    """
    command = "docker kill --signal STOP, with the check asked every 0.5 s"
    evidence = Evidence(command, f"healthy, then {frozen.health} after {frozen.seconds:.1f} s")
    if frozen.health == "unhealthy":
        return holds(f"It was unhealthy {frozen.seconds:.1f} s after its processes had stopped.", evidence)
    if frozen.good_checks > 1:  # the first may have begun before the processes were stopped
        return fails(f"It said {frozen.health} while all of its processes were stopped.", evidence)

    sentence = f"It still said {frozen.health} {frozen.seconds:.0f} s after its processes had stopped."
    return fails(sentence, evidence, by_time=True)


def probes_fast(subject: Subject) -> Judgment:
    """Hold if the usual probe paths (/livez, /healthz …) answer within a second, with any status."""
    run = subject.require_ready_run()
    if not any(answer.status or answer.is_late for answer in run.answers):
        return not_applicable("Nothing speaks HTTP on its ports.")

    probes = run.probes()
    if not probes:
        paths = Evidence("GET", ", ".join(answer.path for answer in run.answers))
        sentence = "None of the usual paths is there; yours may have another name."
        return cannot_tell(EVERYTHING if run.answers_everything else sentence, paths)

    evidence = [Evidence("GET", _describe_answer(probe)) for probe in probes]
    slow_probes = [probe for probe in probes if _is_slow(probe)]
    if slow_probes:
        return fails(f"{slow_probes[0].path} needs more than a second.", *evidence, by_time=True)

    slowest = max(probes, key=lambda probe: probe.seconds)
    return holds(f"{len(probes)} of the usual paths are there; the slowest took {slowest.seconds:.2f} s.", *evidence)


def _is_slow(probe: Answer) -> bool:
    return probe.is_late or probe.seconds > FAST_SECONDS + TOLERANCE_SECONDS


def liveness_alone(subject: Subject) -> Judgment:
    """Hold if liveness answers in a clone without backing services."""
    run = subject.require_ready_run()
    answers = [answer for answer in run.probes() if answer.path in LIVENESS]
    if not answers:
        sentence = f"None of the usual paths of liveness is there ({', '.join(LIVENESS)})."
        return cannot_tell(EVERYTHING if run.answers_everything else sentence)

    evidence = [Evidence("GET, with nothing else on its network", _describe_answer(answer)) for answer in answers]
    error_answers = [answer for answer in answers if (answer.status or 0) >= 500]
    if error_answers:
        error = error_answers[0]
        return fails(f"{error.path} answers {error.status} without its backing services.", *evidence)

    late_answers = [answer for answer in answers if answer.is_late]
    if late_answers:
        sentence = f"{late_answers[0].path} does not answer in time without its backing services."
        return fails(sentence, *evidence, by_time=True)
    return holds(f"{answers[0].path} answers without any other service.", *evidence)


def metrics_valid(subject: Subject) -> Judgment:
    """Hold if /metrics is valid exposition format."""
    run = subject.require_ready_run()
    answer = run.metrics()
    if answer is None:
        sentence = "No /metrics was found; the numbers may come from elsewhere (an agent, a sidecar)."
        if run.is_late("/metrics"):
            sentence = "It did not answer in time: whether it has /metrics is not known."
        return cannot_tell(EVERYTHING if run.answers_everything else sentence)

    problems = list(mistakes(answer.body))
    if problems:
        plural = "s" if len(problems) > 1 else ""
        evidence = [Evidence("GET /metrics", problem) for problem in problems[:3]]
        return fails(f"{len(problems)} mistake{plural} in it.", *evidence)

    size = Evidence("GET /metrics", f"{len(answer.body.encode())} bytes")
    count = len(list(samples(answer.body)))
    if not count:
        return fails("It is empty.", size)
    return holds(f"{count} samples, all well-formed.", size)


def mistakes(text: str) -> Iterator[str]:
    """Yield each mistake for which Prometheus refuses a text, with its line, which prometheus_client does not name.

    >>> list(mistakes("# TYPE up number\\nup one"))
    ['line 1 is no TYPE: # TYPE up number', 'line 2 is no sample: up one', 'the last line has no end']
    """
    for number, raw_line in enumerate(text.split("\n"), 1):
        line = raw_line.strip()
        try:
            parse_line(line)
        except ValueError:
            kind = "TYPE" if line.startswith("#") else "sample"
            yield f"line {number} is no {kind}: {line}"

    if text and not text.endswith("\n"):
        yield "the last line has no end"


def _describe_answer(answer: Answer) -> str:
    return f"{answer.path}: {answer} after {answer.seconds:.2f} s"
