"""Why a trial did not start, in a sentence that helps: it ended, or it runs and nobody answers."""

from __future__ import annotations

import time

from docker.errors import APIError

from workshop_kit.exercises import crash, raw_http
from workshop_kit.exercises.check_api import CheckResult
from workshop_kit.exercises.trial_settings import PORT
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.trial import START_SECONDS, Trial, start_seconds

MIB = 1024 * 1024
LOOKS = 6
LOG_BYTES, LOG_LINES = 64 * 1024, 200
"""How much of its log is read for the reason why it ended: a JSON line with a stack is long."""


def wait_started(trial: Trial, path: str = "/livez", *, within_seconds: float | None = None) -> CheckResult | None:
    """None once ``path`` answers 200, else what there is to say."""
    seconds = start_seconds() if within_seconds is None else within_seconds
    return None if trial.wait_answer(path, within_seconds=seconds) else did_not_start(trial, path, seconds)


def did_not_start(trial: Trial, path: str = "/livez", within_seconds: float = START_SECONDS) -> CheckResult:
    """What there is to say about a trial of which ``path`` never answered 200."""
    why = crash.reason(trial.lines(LOG_BYTES, LOG_LINES), trial.files)
    got, means, look = _ended(trial, why) if trial.ended is not None else _runs(trial, path, why)
    called = f"Start it, and GET {path} for up to {within_seconds:.0f} s"
    finding = Finding(False, called, got, "200", means, look)
    return CheckResult(f"It did not start: {means}", (finding,), Verdict.DID_NOT_START, trial.lines())


def _ended(trial: Trial, why: str) -> tuple[str, str, str]:
    attributes = trial.inspect()
    code = attributes["State"]["ExitCode"]
    got = f"It ended with exit code {code}"
    if attributes["State"]["OOMKilled"]:
        limit = attributes["HostConfig"]["Memory"] // MIB
        return got, f"the kernel killed it, since it wanted more than its {limit} MiB of memory.", "What takes so much?"
    if why:
        return got, f"{why.rstrip('.')}.", "Mend that first: nothing else was tried."
    if code == 0:
        means = "it ended at once with exit code 0, as if all were done, and served nobody."
        return got, means, "What ends it? It should return only after it was told to stop."
    last = trial.lines().strip().rpartition("\n")[2][: crash.LONGEST_REASON]
    said = f"its last line is: {last}" if last else "it said nothing"
    return got, f"it ended with exit code {code} before it answered anybody; {said}", "Look for what ends it."


def _runs(trial: Trial, path: str, why: str) -> tuple[str, str, str]:
    answer = trial.get(path)
    if answer.status is not None:
        output = (answer.json() or {}).get("output", "") if isinstance(answer.json(), dict) else ""
        because = f" ({output or why})" if output or why else ""
        return f"{answer}{because}", f"it runs, but {path} answers {answer}{because}.", "Which handler answers there?"
    if _is_busy(trial):
        means = "it was busy computing all the time, and answered nobody: a loop that never ends?"
        return str(answer), means, "Look for a loop without an end, or work that is done before it serves."
    if answer.failure in {raw_http.NOBODY, raw_http.HUNG_UP}:
        means = f"it runs, but nobody listens on port {PORT}: it listens elsewhere, or waits for something else first."
        return str(answer), means, f"Where does it listen? HTTP_PORT says {PORT}."
    return str(answer), f"it took the connection, but gave no good answer on {path}.", "What does it wait for?"


def _is_busy(trial: Trial) -> bool:
    """Whether it wants the CPU whenever one looks, as the engine's ``ps`` tells from outside; a server sleeps."""
    looks = []
    for _ in range(LOOKS):
        try:
            processes = trial.running.container.top(ps_args="-o pid,stat")["Processes"]
        except APIError:  # it has just ended
            return False
        looks.append(any(state.startswith("R") for _, state in processes))
        time.sleep(0.05)
    return sum(looks) >= LOOKS - 1
