"""Rules on the life cycle: start, stop, kill, restart, port."""

from __future__ import annotations

import signal as signals

from container_audit.clone_run import CloneRun, CloneStop
from container_audit.clone_spec import STOP_SECONDS
from container_audit.findings import Evidence, Judgment, cannot_tell, fails, holds, not_applicable
from container_audit.processes import Disposition, Process1
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
    summary = f"ended after {stop.seconds:.1f} s with code {stop.exit_code}"
    observation = f"it {summary}"
    if stop.killed:
        observation = f"it had not ended after {stop.seconds:.1f} s, and was killed"
    evidence = Evidence(f"docker stop, which sends {signal}", observation)

    if number == signals.SIGKILL:
        sentence = "Its stop signal is SIGKILL, which no program can handle."
        return fails(sentence, evidence, next_step="Leave STOPSIGNAL at SIGTERM, and handle that.")
    if stop.killed:
        return _judge_killed(stop, signal, number, evidence)
    if stop.exit_code not in {0, 128 + number, 128 + signals.SIGTERM}:
        return fails(f"It {summary}.", evidence, next_step=f"End with 0 once {signal} is handled.")
    if stop.seconds > STOP_SECONDS:  # a busy machine gives it more time
        return fails(f"It {summary}.", evidence, by_time=True, next_step=FINISH_SOONER)
    return holds(f"It {summary}.", evidence)


def _judge_killed(stop: CloneStop, signal: str, number: int, evidence: Evidence) -> Judgment:
    """Judge a clone that had to be killed, by what its process 1 did with the signal."""
    process = _best_process(stop, number)
    if process is None:
        sentence = f"It had not ended {stop.seconds:.0f} s after {signal}, and was killed."
        return fails(sentence, evidence, by_time=True)

    disposition = process.disposition(number)
    masks = Evidence(MASKS, f"{process.name} {disposition.value} {signal} ({_masks(process)})")
    if disposition is Disposition.DROPPED:
        sentence = f"Process 1, {process.name}, {disposition.value} {signal}: the kernel drops it, so it was killed."
        next_step = EXEC if process.is_shell else HANDLE.format(signal)
        return fails(sentence, evidence, masks, next_step=next_step)
    if disposition is Disposition.IGNORED:
        sentence = f"Process 1, {process.name}, {disposition.value} {signal}, so it was killed."
        return fails(sentence, evidence, masks, next_step=f"Do not ignore {signal}: handle it, and end with 0.")

    sentence = f"Process 1, {process.name}, {disposition.value} {signal}, but had not ended after {stop.seconds:.0f} s."
    next_step = FINISH_SOONER
    if process.runs_trap_late(number):
        next_step = WAIT
    elif process.is_init:
        next_step = BEHIND_INIT
    return fails(sentence, evidence, masks, by_time=True, next_step=next_step)


def _best_process(stop: CloneStop, number: int) -> Process1 | None:
    """Return process 1 at the moment when it handled the signal best; None if it was never read.

    It may have installed its handler late, or removed it while it stopped.
    """
    dispositions = list(Disposition)

    def rank(process: Process1) -> int:
        return dispositions.index(process.disposition(number))

    processes = [process for process in (stop.before, stop.after) if process is not None]
    return min(processes, key=rank, default=None)


def _masks(process: Process1) -> str:
    """Return the signal masks of a process as ``/proc/1/status`` shows them."""
    masks = {"SigBlk": process.blocked, "SigIgn": process.ignored, "SigCgt": process.caught}
    return ", ".join(f"{name} {mask:016x}" for name, mask in masks.items())


def _number_of(signal: str) -> int:
    """Return the number of a signal that is named ``SIGTERM``, ``TERM`` or ``15``; for an unknown name, of SIGTERM."""
    if signal.isdecimal():
        return int(signal)
    name = f"SIG{signal.removeprefix('SIG')}"
    return int(getattr(signals, name, signals.SIGTERM))


def starts_fast(subject: Subject) -> Judgment:
    """Hold if it is ready within ten seconds: a port, else a health check, else it runs."""
    start = subject.run_normal().start
    evidence = Evidence("docker start", f"it {start.summary}")
    if not start.ready:
        return cannot_tell("A clone of it did not get ready.", evidence)
    sentence = f"It was ready after {start.seconds:.1f} s."
    if start.seconds > FAST_SECONDS:
        return fails(sentence, evidence, by_time=True)
    return holds(sentence, evidence)


def survives_a_kill(subject: Subject) -> Judgment:
    """Hold if it gets ready again after SIGKILL."""
    restart = subject.restart_after_kill()
    evidence = Evidence("docker kill, then docker start", f"it {restart.summary}")
    if restart.ready:
        return holds(f"It was ready again after {restart.seconds:.1f} s.", evidence)
    return fails(f"Started again, it {restart.summary}.", evidence, by_time=restart.timed_out)


def serves_a_port(subject: Subject) -> Judgment:
    """Hold if an exposed port accepts a TCP connection from outside; without EXPOSE the usual ports are tried."""
    exposed = sorted(subject.target.config.get("ExposedPorts") or {})
    run = subject.run_normal()
    ports = run.start.ports
    exposed_names = ", ".join(exposed) or "none"
    open_names = ", ".join(map(str, ports)) or "none"
    evidence = Evidence("connections from outside", f"exposed: {exposed_names}; open: {open_names}")

    if ports and exposed:
        return holds(f"Port {ports[0]} accepts connections.", evidence)
    if ports:
        return fails(f"Port {ports[0]} accepts connections, and no EXPOSE says so.", evidence)

    reason = _reason_unknown(subject, run)
    if reason:
        return cannot_tell(reason, evidence)
    if exposed:
        sentence = f"It runs, and {exposed_names} does not accept connections from outside."
        return fails(sentence, evidence, by_time=run.start.timed_out)
    return not_applicable("It names no port, and none was found.", evidence)


def _reason_unknown(subject: Subject, run: CloneRun) -> str:
    """Return why a closed port proves nothing; "" if it proves a fault."""
    if run.start.has_ended:
        return f"A clone of it {run.start.summary}."
    if not run.start.ready and is_checked(subject):
        return f"Its own health check had not found it well after {run.start.seconds:.0f} s."
    return ""
