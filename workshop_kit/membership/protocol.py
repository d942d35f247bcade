"""What a live room and its participants exchange: a participant's snapshot, and the room's state in answer.

A snapshot is complete, so a lost one costs nothing: the next one has everything again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from workshop_kit.membership.debrief_signs import Sign
from workshop_kit.untrusted_text import visible

MOST_CHARACTERS = 40
MOST_MINUTES = 600

Identifier = Annotated[str, Field(pattern=r"^[\w.-]{1,80}$")]
Count = Annotated[int, Field(ge=0, le=2**31)]
Name = Annotated[str, Field(max_length=MOST_CHARACTERS), AfterValidator(lambda text: visible(text.strip()))]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday"]
Help = Literal["none", "stuck", "done"]
Participant = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class _Message(BaseModel):
    """The base of a snapshot and its parts: immutable, strictly typed, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class GuessReport(_Message):
    """A prediction: the option that was clicked, and the outcome on the participant's machine ("" before it)."""

    choice: Identifier
    outcome: Identifier | Literal[""] = ""


class Repair(_Message):
    """A repaired incident of game day: the seconds from first symptom to repair, the sign that the debrief names."""

    seconds: Annotated[float, Field(ge=0, le=86_400)]
    sign: Sign = ""


class Snapshot(_Message):
    """All that leaves a laptop. `disclosure.DISCLOSED` explains each field before a participant joins."""

    participant: Participant
    sequence: Annotated[int, Field(ge=0, le=2**53)] = 0
    name: Name = ""
    lesson: Identifier | Literal[""] = ""
    guesses: Annotated[Mapping[Identifier, GuessReport], Field(max_length=200)] = {}
    passed: Annotated[Mapping[Identifier, Annotated[int, Field(ge=0, le=MOST_MINUTES)]], Field(max_length=200)] = {}
    help: Help = "none"
    help_clicks: Count = 0
    repairs: Mapping[Day, Repair] = {}


class Notice(BaseModel):
    """The presenter's call to come to a cell of a lesson. Each notice has a new number."""

    number: Count
    lesson: Annotated[str, Field(max_length=80)]
    cell: Annotated[str, Field(max_length=80)]
    text: Annotated[str, Field(max_length=300)]


class Poll(BaseModel):
    """The presenter's open question, with its options by key; without options it is a message.

    ``in_notebook``: whether notebooks show it, too. They do not show a prediction, which has a cell of its own there.
    """

    id: Identifier
    question: Annotated[str, Field(max_length=300)]
    options: Annotated[Mapping[Identifier, Annotated[str, Field(max_length=200)]], Field(max_length=20)]
    in_notebook: bool = False


class RoomState(BaseModel):
    """The room's answer to a snapshot.

    ``number`` is the participant's in the room, ``helped`` the number of help clicks that the presenter has answered,
    and ``keeps_summary`` says whether the presenter keeps a summary (`disclosure.SUMMARY`).
    """

    number: Count
    helped: Count = 0
    notice: Notice | None = None
    poll: Poll | None = None
    keeps_summary: bool = False
