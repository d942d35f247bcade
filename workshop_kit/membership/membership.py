"""The membership of a workspace in a live room: a private file, and the snapshot of what the workspace reports."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from workshop_kit.errors import NotReady, WorkshopError, WrongUsage
from workshop_kit.exercises.progress import ExerciseRecord, Progress
from workshop_kit.files import read_small, write_atomically
from workshop_kit.membership.debrief_signs import sign_named_in
from workshop_kit.membership.join_code import JoinCode
from workshop_kit.membership.protocol import (
    MOST_CHARACTERS,
    MOST_MINUTES,
    GuessReport,
    Help,
    Repair,
    RoomState,
    Snapshot,
)
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.trials import game_records
from workshop_kit.trials.game_records import Record
from workshop_kit.untrusted_text import visible
from workshop_kit.workspace.folder import HIDDEN, Workspace

FILE = "classroom.json"
HOURS = 12
"""How long a membership lasts: at home, another machine may have the room's address."""
TIMEOUT_SECONDS = 3.0
BUSY_SECONDS = 15.0
"""How long a join tries again while the room accepts no more requests from this machine's address."""
RETRY_SECONDS = 1.0
"""The pause before it tries again."""


class Membership(BaseModel):
    """A membership as its file has it: the room's code, the participant, and what was clicked there."""

    model_config = ConfigDict(frozen=True)

    code: str
    participant: str
    joined_at: float
    name: str = ""
    lesson: str = ""
    help: Help = "none"
    help_clicks: int = 0
    answers: Mapping[str, str] = {}
    """The option that was clicked in each poll of this room."""
    notebooks: bool = False
    """Whether notebooks that were open before the join show the room."""


def path_of(workspace: Workspace) -> Path:
    """Return the file of the membership."""
    return workspace.folder / HIDDEN / FILE


def read(workspace: Workspace) -> Membership | None:
    """Return the membership; None if there is none, if its file is damaged, or if it is older than `HOURS`."""
    try:
        membership = Membership.model_validate_json(read_small(path_of(workspace)))
    except (FileNotFoundError, NotReady, ValidationError):
        return None

    age_seconds = time.time() - membership.joined_at
    is_current = 0 <= age_seconds < HOURS * 3600
    return membership if is_current else None


def change(workspace: Workspace, **fields: object) -> None:
    """Change fields of the membership, if there is one."""
    with _lock(workspace):
        membership = read(workspace)
        if membership is not None:
            _write_membership(workspace, membership.model_copy(update=fields))


def click_help(workspace: Workspace, help_state: Help) -> Help:
    """Record a click on ``I am stuck`` or ``Done``; return the state after it, "none" if it repeats the last click."""
    with _lock(workspace):
        membership = read(workspace)
        if membership is None:
            return "none"

        next_state: Help = "none" if membership.help == help_state else help_state
        fields = {"help": next_state, "help_clicks": membership.help_clicks + 1}
        _write_membership(workspace, membership.model_copy(update=fields))
        return next_state


def keep_answer(workspace: Workspace, poll: str, choice: str) -> None:
    """Record the answer to a poll, unless one is recorded already."""
    with _lock(workspace):
        membership = read(workspace)
        if membership is not None and poll not in membership.answers:
            answers = {**membership.answers, poll: choice}
            _write_membership(workspace, membership.model_copy(update={"answers": answers}))


def clear_help(workspace: Workspace, clicks: int) -> None:
    """Reset the help state, of which the presenter has answered so many clicks; do nothing if there are more by now."""
    with _lock(workspace):
        membership = read(workspace)
        if membership is not None and membership.help_clicks == clicks:
            _write_membership(workspace, membership.model_copy(update={"help": "none"}))


def next_snapshot(workspace: Workspace, lesson: str = "") -> tuple[JoinCode, Snapshot] | None:
    """Return the room's code and the snapshot to send now; None without a membership.

    ``lesson`` is reported if the membership has none.
    """
    with _lock(workspace):
        membership = read(workspace)
        if membership is None:
            return None

        code = JoinCode.read(membership.code)
        snapshot = _make_snapshot(workspace, membership, membership.lesson or lesson)
        return code, snapshot


def join(
    workspace: Workspace, code: JoinCode, name: str = "", lesson: str = "", *, notebooks: bool = False
) -> RoomState:
    """Send the first snapshot to a room, record the membership and return the room's state.

    With ``notebooks``, notebooks that are open already show the room. Raises WorkshopError if the room does not answer.
    """
    name = visible(name.strip())
    if len(name) > MOST_CHARACTERS:
        raise WrongUsage("The name is too long.", f"Give one of at most {MOST_CHARACTERS} characters.")

    with _lock(workspace):
        former_membership = read(workspace) or Membership(code="", participant=secrets.token_hex(16), joined_at=0)
        fields: dict[str, object] = {
            "code": str(code),
            "joined_at": time.time(),
            "name": name,
            "lesson": lesson or former_membership.lesson,
            "notebooks": notebooks,
        }
        if former_membership.code != str(code):
            fields["answers"] = {}
        membership = former_membership.model_copy(update=fields)

        snapshot = _make_snapshot(workspace, membership, membership.lesson)
        answer = _post_join(code, snapshot.model_dump_json())
        state = state_in(answer, code)
        _write_membership(workspace, membership)
    return state


def _post_join(code: JoinCode, body: str) -> Answer:
    """Send the first snapshot, again and again while the room asks to retry; return the last answer."""
    ends_at = time.monotonic() + BUSY_SECONDS
    answer = post(code, "snapshot", body)
    while "retry-after" in answer.headers and time.monotonic() < ends_at:
        time.sleep(RETRY_SECONDS)
        answer = post(code, "snapshot", body)
    return answer


def leave(workspace: Workspace) -> bool:
    """Delete the membership, and tell the room to forget the participant; return whether the room has confirmed it.

    Raises WrongUsage without a membership.
    """
    with _lock(workspace):
        membership = read(workspace)
        path_of(workspace).unlink(missing_ok=True)
    if membership is None:
        raise WrongUsage("This workspace is in no live room.", "Join one: ./workshop join CODE.")

    code = JoinCode.read(membership.code)
    body = f'{{"participant": "{membership.participant}"}}'
    return post(code, "leave", body).ok


def post(code: JoinCode, path: str, body: str) -> Answer:
    """Send a body of JSON to a path of a room's server; return the answer."""
    headers = {"Authorization": f"token {code.token}", "Content-Type": "application/json"}
    url = f"{code.url}/{path}"
    return http.request("POST", url, content=body.encode(), headers=headers, timeout_seconds=TIMEOUT_SECONDS)


def state_in(answer: Answer, code: JoinCode) -> RoomState:
    """Return the room's state that an answer holds. Raises WorkshopError if it holds an error, or something else."""
    where = f"{code.address}, port {code.port}"
    if answer.status is None:
        raise WorkshopError(
            f"No live room answers at {where} ({answer.error}).", "Are you in the room's network? Compare the code."
        )

    try:
        if answer.status == 200:
            return RoomState.model_validate_json(answer.body)
        sentence = _read_error(answer.body)
    except (ValidationError, KeyError):
        sentence = f"Something else than a live room answers at {where}. Compare the code with the screen."
    raise WorkshopError(sentence)


def _read_error(body: str) -> str:
    """Return the sentence of a room's error. Raises ValidationError or KeyError if the body holds none."""
    texts = TypeAdapter(dict[str, str]).validate_json(body)
    return str(texts["error"])[:300]


def _make_snapshot(workspace: Workspace, membership: Membership, lesson: str) -> Snapshot:
    """Return what the workspace reports: keys, ids and numbers of its progress, none of its texts.

    Its ``sequence`` is the time, which grows across the kernels of a workspace.
    """
    progress = Progress(workspace.progress_path).document()
    repairs = _repair_by_day(game_records.read(workspace.ledger_path))
    passed = {name: _minutes_to_pass(record) for name, record in progress.exercises.items() if record.passed_at}

    guesses = {poll: GuessReport(choice=choice) for poll, choice in membership.answers.items()}
    for name, guess in progress.predictions.items():
        guesses[name] = GuessReport(choice=guess.choice, outcome=guess.actual or "")

    return Snapshot(
        participant=membership.participant,
        sequence=time.time_ns() // 1_000_000,
        name=membership.name,
        lesson=lesson,
        guesses=guesses,
        passed=passed,
        help=membership.help,
        help_clicks=membership.help_clicks,
        repairs=repairs,
    )


def _repair_by_day(records: Iterable[Record]) -> dict[Any, Repair]:
    """Return the repairs of game day's incidents, by their day; incidents that were not repaired are left out."""
    repair_by_day: dict[Any, Repair] = {}
    for record in records:
        seconds = record.to_repair_seconds
        if seconds is not None:
            sign = sign_named_in(record.debrief.get("how", ""))
            repair_by_day[record.name] = Repair(seconds=seconds, sign=sign)
    return repair_by_day


def _minutes_to_pass(record: ExerciseRecord) -> int:
    """Return the minutes from the first look at an exercise to its pass; 0 if one of the times is not recorded."""
    if not (record.started_at and record.passed_at):
        return 0

    duration = datetime.fromisoformat(record.passed_at) - datetime.fromisoformat(record.started_at)
    minutes = round(duration.total_seconds() / 60)
    return max(0, min(minutes, MOST_MINUTES))


def _write_membership(workspace: Workspace, membership: Membership) -> None:
    write_atomically(path_of(workspace), membership.model_dump_json().encode(), mode=0o600)


def _lock(workspace: Workspace) -> BaseFileLock:
    """Return a lock for a ``with`` block: one change at a time, across the kernels and commands of a workspace."""
    return FileLock(path_of(workspace).with_suffix(".lock"))
