"""Rules on the life cycle: start, stop, kill, restart, port."""

from __future__ import annotations

import signal as signals

from container_audit.clone import CloneRun, CloneStop
from container_audit.clone_spec import STOP_SECONDS
from container_audit.findings import Evidence, Judgment, cannot_tell, fails, holds, not_applicable
from container_audit.process_signals import Disposition, Process1
from container_audit.rules.monitoring import is_checked
from container_audit.subject import Subject

FAST_SECONDS = 10.0
MASKS = "the signal masks of process 1 (/proc/1/status)"
EXEC = "Start the program in the JSON form of ENTRYPOINT or CMD, or with exec: the shell passes no signal on to it."
HANDLE = "Handle {0} and end with 0, or start it behind an init (docker run --init)."
WAIT = "A shell runs its trap once the program in front of it has ended: start that with &, and wait for it."
BEHIND_INIT = "The init passes the signal on: handle it in the program behind it, and end within ten seconds."
FINISH_SOONER = "Take no new work once the signal has come, and finish what is in flight within ten seconds."


def stops(subject: Subject) -> Judgment:
    """Hold if ``docker stop`` ends it within ten seconds, with 0 or 128 plus the signal's number."""
    run = subject.require_ready_run()
    if run.stop is None:
        return not_applicable("It had ended by itself before it could be stopped.")
    return judge_stop(run.stop, subject.stop_signal)


def judge_stop(stop: CloneStop, signal: str) -> Judgment:
    """Judge a stop by its time, by its exit code, and by what process 1 does with the signal.

    Only the time depends on the machine: a signal that process 1 drops is lost on an idle one, too.
    """
    number = _number_of(signal)
    ended = f"ended after {stop.seconds:.1f} s with code {stop.exit_code}"
    saw = f"it had not ended after {stop.seconds:.1f} s, and was killed" if stop.killed else f"it {ended}"
    seen = Evidence(f"docker stop, which sends {signal}", saw)
    if number == signals.SIGKILL:
        said = "Its stop signal is SIGKILL, which no program can handle."
        return fails(said, seen, next_step="Leave STOPSIGNAL at SIGTERM, and handle that.")
    if stop.killed:
        return _judge_killed(stop, signal, number, seen)
    if stop.exit_code not in {0, 128 + number, 143}:
        return fails(f"It {ended}.", seen, next_step=f"End with 0 once {signal} is handled.")
    if stop.seconds > STOP_SECONDS:  # it was given longer on this machine
        return fails(f"It {ended}.", seen, by_time=True, next_step=FINISH_SOONER)
    return holds(f"It {ended}.", seen)


def _judge_killed(stop: CloneStop, signal: str, number: int, seen: Evidence) -> Judgment:
    """Judge one that had to be killed: did it lose the signal, or was it slow?"""
    process = _acting(stop, number)
    if process is None:
        said = f"It had not ended {stop.seconds:.0f} s after {signal}, and was killed."
        return fails(said, seen, by_time=True)

    does = process.disposition(number)
    masks = Evidence(MASKS, f"{process.name} {does.value} {signal} ({_masks(process)})")
    if does is Disposition.DROPPED:
        said = f"Process 1, {process.name}, {does.value} {signal}: the kernel drops it, so it was killed."
        return fails(said, seen, masks, next_step=EXEC if process.is_shell else HANDLE.format(signal))
    if does is Disposition.IGNORED:
        said = f"Process 1, {process.name}, {does.value} {signal}, so it was killed."
        return fails(said, seen, masks, next_step=f"Do not ignore {signal}: handle it, and end with 0.")

    said = f"Process 1, {process.name}, {does.value} {signal}, but had not ended after {stop.seconds:.0f} s."
    next_step = FINISH_SOONER
    if process.runs_trap_late(number):
        next_step = WAIT
    elif process.is_init:
        next_step = BEHIND_INIT
    return fails(said, seen, masks, by_time=True, next_step=next_step)


def _acting(stop: CloneStop, number: int) -> Process1 | None:
    """Return process 1 as it did most about the signal: it may have installed its handler late, or taken it back."""
    known = [one for one in (stop.before, stop.after) if one is not None]
    order = list(Disposition)
    return min(known, key=lambda one: order.index(one.disposition(number)), default=None)


def _masks(process: Process1) -> str:
    words = {"SigBlk": process.blocked, "SigIgn": process.ignored, "SigCgt": process.caught}
    return ", ".join(f"{name} {mask:016x}" for name, mask in words.items())


def _number_of(signal: str) -> int:
    """Return the number of a signal that is named ``SIGTERM``, ``TERM`` or ``15``."""
    if signal.isdecimal():
        return int(signal)
    return int(getattr(signals, f"SIG{signal.removeprefix('SIG')}", signals.SIGTERM))


def starts_fast(subject: Subject) -> Judgment:
    """Hold if it is ready within ten seconds: a port, else a health check, else it runs."""
    started = subject.run_normal().started
    seen = Evidence("docker start", f"it {started.summary}")
    if not started.ready:
        return cannot_tell("A clone of it did not get ready.", seen)
    said = f"It was ready after {started.seconds:.1f} s."
    return fails(said, seen, by_time=True) if started.seconds > FAST_SECONDS else holds(said, seen)


def survives_a_kill(subject: Subject) -> Judgment:
    """Hold if it gets ready again after SIGKILL."""
    again = subject.restart_after_kill()
    seen = Evidence("docker kill, then docker start", f"it {again.summary}")
    if again.ready:
        return holds(f"It was ready again after {again.seconds:.1f} s.", seen)
    return fails(f"Started again, it {again.summary}.", seen, by_time=again.timed_out)


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
        said = f"It runs, and {', '.join(exposed)} does not accept connections from outside."
        return fails(said, seen, by_time=run.started.timed_out)
    return not_applicable("It names no port, and none was found.", seen)


def _reason_unknown(subject: Subject, run: CloneRun) -> str:
    """Return why a closed port proves nothing; "" if it proves a fault."""
    if run.started.ended:
        return f"A clone of it {run.started.summary}."
    if not run.started.ready and is_checked(subject):
        return f"Its own health check had not found it well after {run.started.seconds:.0f} s."
    return ""
