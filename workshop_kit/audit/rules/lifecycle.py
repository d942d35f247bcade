"""Start, stop, kill, start again."""

from __future__ import annotations

from workshop_kit.audit.clones import STOP_SECONDS
from workshop_kit.audit.data import Evidence, Judged, cannot_tell, fails, holds, not_applicable
from workshop_kit.audit.rules.monitoring import is_checked
from workshop_kit.audit.runs import OUT_OF_REACH, Run
from workshop_kit.audit.subject import Subject

KILLED = 137
SIGNALS = {"SIGTERM": 15, "SIGINT": 2, "SIGQUIT": 3, "SIGHUP": 1, "SIGUSR1": 10, "SIGUSR2": 12, "SIGWINCH": 28}
FAST_SECONDS = 10.0


def stops_in_time(subject: Subject) -> Judged:
    """docker stop with ten seconds."""
    run = subject.need_runs().ready_run()
    if run.stopped_seconds is None:
        return not_applicable("It had ended by itself before it could be stopped.")
    seen = Evidence(
        f"docker stop --time {STOP_SECONDS}", f"ended after {run.stopped_seconds:.1f} s with code {run.exit_code}"
    )
    if run.exit_code == KILLED:
        return fails(f"It did not react to the stop signal and was killed after {run.stopped_seconds:.0f} s.", seen)
    return holds(f"It ended after {run.stopped_seconds:.1f} s.", seen)


def exit_code(subject: Subject) -> Judged:
    """0, or 128 and the number of the stop signal."""
    run = subject.need_runs().ready_run()
    if run.exit_code is None or run.exit_code == KILLED:
        return not_applicable("It did not end by the stop signal.")
    signal = str(subject.target.config.get("StopSignal") or "SIGTERM")
    number = SIGNALS.get(signal if signal.startswith("SIG") else f"SIG{signal}", 15)
    seen = Evidence(f"docker stop, which sends {signal}", f"code {run.exit_code}")
    if run.exit_code in {0, 128 + number, 143}:
        return holds(f"It ended with {run.exit_code}.", seen)
    return fails(f"It ended with {run.exit_code}.", seen)


def starts_fast(subject: Subject) -> Judged:
    """Until it accepts connections, or its health check is good, or (with neither) it runs."""
    started = subject.need_runs().normal.started
    seen = Evidence("docker start", f"it {started.summary}")
    if not started.ready:
        return cannot_tell("A clone of it did not get ready.", seen)
    if started.seconds > FAST_SECONDS:
        return fails(f"It was ready after {started.seconds:.1f} s.", seen)
    return holds(f"It was ready after {started.seconds:.1f} s.", seen)


def survives_a_kill(subject: Subject) -> Judged:
    """SIGKILL, then docker start."""
    again = subject.need_runs().killed
    seen = Evidence("docker kill, then docker start", f"it {again.summary}")
    if again.ready:
        return holds(f"It was ready again after {again.seconds:.1f} s.", seen)
    return fails(f"Started again, it {again.summary}.", seen)


def serves_a_port(subject: Subject) -> Judged:
    """TCP from outside, to the ports that EXPOSE names, or to the usual ones."""
    runs = subject.need_runs()
    exposed = sorted(subject.target.config.get("ExposedPorts") or {})
    started = runs.normal.started
    seen = Evidence(
        "connections from outside",
        f"exposed: {', '.join(exposed) or 'none'}; open: {', '.join(map(str, started.ports)) or 'none'}",
    )
    if started.ports and exposed:
        return holds(f"Port {started.ports[0]} accepts connections.", seen)
    if started.ports:
        return fails(f"Port {started.ports[0]} accepts connections, and no EXPOSE says so.", seen)
    if unknown := _why_nobody_knows(subject, runs.normal):
        return cannot_tell(unknown, seen)
    if exposed:
        return fails(f"It runs, and {', '.join(exposed)} does not accept connections from outside.", seen)
    return not_applicable("It names no port, and none was found.", seen)


def _why_nobody_knows(subject: Subject, run: Run) -> str:
    """Why it says nothing that no port accepts connections; empty if it does."""
    if run.started.ended:
        return f"A clone of it {run.summary}."
    if not run.reached:
        return OUT_OF_REACH
    if not run.is_ready and is_checked(subject):
        return f"Its own health check had not found it well after {run.started.seconds:.0f} s."
    return ""
