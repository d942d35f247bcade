"""The membership of a workspace in a live room: a private file, and the snapshot of what the workspace reports."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from workshop_kit.errors import NotReady, WorkshopError, WrongUsage
from workshop_kit.exercises.progress import ExerciseRecord, Progress
from workshop_kit.files import read_small, write_atomically
from workshop_kit.membership.protocol import (
    MOST_CHARACTERS,
    MOST_MINUTES,
    GuessReport,
    Help,
    JoinCode,
    Repair,
    RoomState,
    Snapshot,
    sign_in,
)
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.trials import game_records
from workshop_kit.untrusted_text import visible
from workshop_kit.workspace.folder import HIDDEN, Workspace

FILE = "classroom.json"
HOURS = 12
"""How long a membership lasts: at home, another machine may have the room's address."""
TIMEOUT_SECONDS = 3.0
BUSY_SECONDS = 15.0
"""How long a join tries again while the room takes no more from its address."""
RETRY_SECONDS = 1.0
"""How often it tries again."""


class Membership(BaseModel):
    """What the workspace remembers of its room."""

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
    """Return the membership; None without one, and after `HOURS`."""
    with suppress(FileNotFoundError, NotReady, ValidationError):
        membership = Membership.model_validate_json(read_small(path_of(workspace)))
        if 0 <= time.time() - membership.joined_at < HOURS * 3600:
            return membership
    return None


def change(workspace: Workspace, **fields: object) -> None:
    """Change fields of the membership, if there is one."""
    with _locked(workspace):
        membership = read(workspace)
        if membership is not None:
            _write(workspace, membership.model_copy(update=fields))


def click_help(workspace: Workspace, help_state: Help) -> Help:
    """Record a click on ``I am stuck`` or ``Done``, and return the state; a second click takes the first one back."""
    with _locked(workspace):
        membership = read(workspace)
        if membership is None:
            return "none"

        next_state: Help = "none" if membership.help == help_state else help_state
        fields = {"help": next_state, "help_clicks": membership.help_clicks + 1}
        _write(workspace, membership.model_copy(update=fields))
        return next_state


def keep_answer(workspace: Workspace, poll: str, choice: str) -> None:
    """Record the answer to a poll; a first one stays."""
    with _locked(workspace):
        membership = read(workspace)
        if membership is not None and poll not in membership.answers:
            answers = {**membership.answers, poll: choice}
            _write(workspace, membership.model_copy(update={"answers": answers}))


def clear_help(workspace: Workspace, clicks: int) -> None:
    """Take the help state back that the presenter has answered, unless there was another click since."""
    with _locked(workspace):
        membership = read(workspace)
        if membership is not None and membership.help_clicks == clicks:
            _write(workspace, membership.model_copy(update={"help": "none"}))


def next_snapshot(workspace: Workspace, lesson: str = "") -> tuple[JoinCode, Snapshot] | None:
    """Return the room's code and the snapshot to send now; None without a membership.

    ``lesson`` counts where the membership has none.
    """
    with _locked(workspace):
        membership = read(workspace)
        if membership is None:
            return None
        return JoinCode.read(membership.code), _snapshot(workspace, membership, membership.lesson or lesson)


def join(
    workspace: Workspace, code: JoinCode, name: str = "", lesson: str = "", *, notebooks: bool = False
) -> RoomState:
    """Send the first snapshot to a room, then record the membership. Raises WorkshopError without an answer.

    With ``notebooks`` the notebooks that are open show the room.
    """
    name = visible(name.strip())
    if len(name) > MOST_CHARACTERS:
        raise WrongUsage("The name is too long.", f"Give one of at most {MOST_CHARACTERS} characters.")

    with _locked(workspace):
        former_membership = read(workspace) or Membership(code="", participant=secrets.token_hex(16), joined_at=0)
        fields = {
            "code": str(code),
            "joined_at": time.time(),
            "name": name,
            "lesson": lesson or former_membership.lesson,
            "notebooks": notebooks,
            "answers": former_membership.answers if former_membership.code == str(code) else {},
        }
        membership = former_membership.model_copy(update=fields)

        snapshot = _snapshot(workspace, membership, membership.lesson)
        state = state_in(_post_join(code, snapshot.model_dump_json()), code)
        _write(workspace, membership)
    return state


def _post_join(code: JoinCode, body: str) -> Answer:
    """Send the first snapshot, and again while the room asks for that."""
    ends_at = time.monotonic() + BUSY_SECONDS
    answer = post(code, "snapshot", body)
    while "retry-after" in answer.headers and time.monotonic() < ends_at:
        time.sleep(RETRY_SECONDS)
        answer = post(code, "snapshot", body)
    return answer


def leave(workspace: Workspace) -> bool:
    """Forget the membership, and tell the room to forget the participant; return whether the room was told."""
    with _locked(workspace):
        membership = read(workspace)
        path_of(workspace).unlink(missing_ok=True)
    if membership is None:
        raise WrongUsage("This workspace is in no live room.", "Join one: ./workshop join CODE.")
    return post(JoinCode.read(membership.code), "leave", f'{{"participant": "{membership.participant}"}}').ok


def post(code: JoinCode, path: str, body: str) -> Answer:
    """Send JSON to a room."""
    headers = {"Authorization": f"token {code.token}", "Content-Type": "application/json"}
    url = f"{code.url}/{path}"
    return http.request("POST", url, content=body.encode(), headers=headers, timeout_seconds=TIMEOUT_SECONDS)


def state_in(answer: Answer, code: JoinCode) -> RoomState:
    """Return the room's state in an answer. Raises WorkshopError for any other answer."""
    where = f"{code.address}, port {code.port}"
    if answer.status is None:
        raise WorkshopError(
            f"No live room answers at {where} ({answer.error}).", "Are you in the room's network? Compare the code."
        )
    try:
        if answer.status == 200:
            return RoomState.model_validate_json(answer.body)
        sentence = str(TypeAdapter(dict[str, str]).validate_json(answer.body)["error"])[:300]
    except (ValidationError, KeyError):
        sentence = f"Something else than a live room answers at {where}. Compare the code with the screen."
    raise WorkshopError(sentence)


def _snapshot(workspace: Workspace, membership: Membership, lesson: str) -> Snapshot:
    """Return what the workspace reports: keys, ids and numbers of its progress, none of its texts.

    Its ``sequence`` is the time, which grows across the kernels of a workspace.
    """
    progress = Progress(workspace.progress_path).document()
    records = game_records.read(workspace.ledger_path)
    guesses = {poll: GuessReport(choice=choice) for poll, choice in membership.answers.items()}
    for name, guess in progress.predictions.items():
        guesses[name] = GuessReport(choice=guess.choice, outcome=guess.actual or "")

    repairs: dict[Any, Repair] = {}
    for record in records:
        seconds = record.to_repair_seconds
        if seconds is not None:
            repairs[record.name] = Repair(seconds=seconds, sign=sign_in(record.debrief.get("how", "")))

    return Snapshot(
        participant=membership.participant,
        sequence=time.time_ns() // 1_000_000,
        name=membership.name,
        lesson=lesson,
        guesses=guesses,
        passed={name: _minutes(record) for name, record in progress.exercises.items() if record.passed_at},
        help=membership.help,
        help_clicks=membership.help_clicks,
        repairs=repairs,
    )


def _minutes(record: ExerciseRecord) -> int:
    """Return the minutes from the first look at an exercise to its pass; 0 where that is not known."""
    if not (record.started_at and record.passed_at):
        return 0
    duration = datetime.fromisoformat(record.passed_at) - datetime.fromisoformat(record.started_at)
    return max(0, min(round(duration.total_seconds() / 60), MOST_MINUTES))


def _write(workspace: Workspace, membership: Membership) -> None:
    write_atomically(path_of(workspace), membership.model_dump_json().encode(), mode=0o600)


def _locked(workspace: Workspace) -> BaseFileLock:
    """Return the lock that admits one change at a time, across the kernels and commands of a workspace."""
    return FileLock(path_of(workspace).with_suffix(".lock"))
