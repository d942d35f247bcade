"""Rules on the life cycle: start, stop, kill, restart, port."""

from __future__ import annotations

import signal as signals

from workshop_kit.audit.clone import CloneRun
from workshop_kit.audit.clone_spec import STOP_SECONDS
from workshop_kit.audit.findings import Evidence, Judgment, cannot_tell, fails, holds, not_applicable
from workshop_kit.audit.rules.monitoring import is_checked
from workshop_kit.audit.subject import Subject

KILLED = 137
FAST_SECONDS = 10.0


def stops(subject: Subject) -> Judgment:
    """Hold if ``docker stop`` ends it within ten seconds, with 0 or 128 plus the signal's number."""
    run = subject.require_ready_run()
    if run.stopped_seconds is None:
        return not_applicable("It had ended by itself before it could be stopped.")
    signal = str(subject.target.config.get("StopSignal") or "SIGTERM")
    number = getattr(signals, f"SIG{signal.removeprefix('SIG')}", signals.SIGTERM)
    ended = f"ended after {run.stopped_seconds:.1f} s with code {run.exit_code}"
    seen = Evidence(f"docker stop --time {STOP_SECONDS}, which sends {signal}", ended)
    if run.exit_code == KILLED:
        return fails(f"It did not react to the stop signal and was killed after {run.stopped_seconds:.0f} s.", seen)
    judge = holds if run.exit_code in {0, 128 + number, 143} else fails
    return judge(f"It {ended}.", seen)


def starts_fast(subject: Subject) -> Judgment:
    """Hold if it is ready within ten seconds: a port, else a health check, else it runs."""
    started = subject.run_normal().started
    seen = Evidence("docker start", f"it {started.summary}")
    if not started.ready:
        return cannot_tell("A clone of it did not get ready.", seen)
    judge = fails if started.seconds > FAST_SECONDS else holds
    return judge(f"It was ready after {started.seconds:.1f} s.", seen)


def survives_a_kill(subject: Subject) -> Judgment:
    """Hold if it gets ready again after SIGKILL."""
    again = subject.restart_after_kill()
    seen = Evidence("docker kill, then docker start", f"it {again.summary}")
    if again.ready:
        return holds(f"It was ready again after {again.seconds:.1f} s.", seen)
    return fails(f"Started again, it {again.summary}.", seen)


def serves_a_port(subject: Subject) -> Judgment:
    """Hold if an exposed port accepts a TCP connection from outside; without EXPOSE the usual ports are tried."""
    exposed = sorted(subject.target.config.get("ExposedPorts") or {})
    run = subject.run_normal()
    ports = run.started.ports
    names = f"exposed: {', '.join(exposed) or 'none'}; open: {', '.join(map(str, ports)) or 'none'}"
    seen = Evidence("connections from outside", names)
    if ports and exposed:
        return holds(f"Port {ports[0]} accepts connections.", seen)
    if ports:
        return fails(f"Port {ports[0]} accepts connections, and no EXPOSE says so.", seen)
    if unknown := _reason_unknown(subject, run):
        return cannot_tell(unknown, seen)
    if exposed:
        return fails(f"It runs, and {', '.join(exposed)} does not accept connections from outside.", seen)
    return not_applicable("It names no port, and none was found.", seen)


def _reason_unknown(subject: Subject, run: CloneRun) -> str:
    """Return why a closed port proves nothing; "" if it proves a fault."""
    if run.started.ended:
        return f"A clone of it {run.started.summary}."
    if not run.started.ready and is_checked(subject):
        return f"Its own health check had not found it well after {run.started.seconds:.0f} s."
    return ""
