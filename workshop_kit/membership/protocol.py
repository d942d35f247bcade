"""What a live room and its participants exchange: the join code, a participant's snapshot, the room's state in answer.

A snapshot is complete, so a lost one costs nothing: the next one has everything again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from workshop_kit.errors import WrongUsage
from workshop_kit.untrusted_text import visible

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U. The first three are read as the digits that they look like."""
ALIKE = str.maketrans("OIL", "011", "- ")
LENGTH = 12
GROUP = 4
# The ports of live rooms; below the range that systems give to outgoing connections.
FIRST_PORT = 28_100
PORTS = 256
SECRETS = 2**15

MOST_CHARACTERS = 40
MOST_MINUTES = 600
Sign = Literal["configuration", "logs", "metrics", "health", "customers", ""]
SIGNS: Mapping[Sign, tuple[str, ...]] = {
    "configuration": (
        "release",
        "released",
        "config",
        "configuration",
        "configured",
        "setting",
        "deploy",
        "deployed",
        "deploying",
        "deployment",
        "compare",
        "compared",
    ),
    "logs": ("log", "logged", "logging", "line", "traceback"),
    "metrics": (
        "metric",
        "chart",
        "dashboard",
        "graph",
        "latency",
        "p95",
        "cpu",
        "memory",
        "throttle",
        "throttled",
        "throttling",
    ),
    "health": ("health", "healthy", "unhealthy", "healthcheck", "probe", "probed", "readyz", "livez"),
    "customers": ("customer", "visit", "visited", "visiting", "visitor"),
}
"""The kinds of sign, each with the words of a debrief that name it; a plural with s counts as its singular."""
WORD = re.compile(r"[^\W_]+")
"""Matches a run of letters and digits: `memory` in `memory_bytes`, and not `line` in `offline`."""

Identifier = Annotated[str, Field(pattern=r"^[\w.-]{1,80}$")]
Count = Annotated[int, Field(ge=0, le=2**31)]
Name = Annotated[str, Field(max_length=MOST_CHARACTERS), AfterValidator(lambda text: visible(text.strip()))]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday"]
Help = Literal["none", "stuck", "done"]
Participant = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


@dataclass(frozen=True)
class JoinCode:
    """A code such as ``7K2M-Q9FD-30XA``: 32 bits of address, 8 of port, 15 of secret, and a check symbol."""

    address: str
    port: int
    secret: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the code that was typed, in any case, with or without dashes. Raises WrongUsage for a typing error."""
        symbols = text.strip().upper().translate(ALIKE)
        digits = [SYMBOLS.find(symbol) for symbol in symbols]
        if not _is_code(digits):
            raise WrongUsage(
                f"{visible(text, 40)!r} is no code of a live room.",
                f"Compare it with the screen: it has {LENGTH} letters and digits.",
            )

        number = _number_of(digits[:-1])
        address_and_port, secret = divmod(number, SECRETS)
        address, port_offset = divmod(address_and_port, PORTS)
        return cls(str(IPv4Address(address)), FIRST_PORT + port_offset, secret)

    @property
    def token(self) -> str:
        """The code without its dashes: what a request to the room carries."""
        address = int(IPv4Address(self.address))
        port_offset = self.port - FIRST_PORT
        number = (address * PORTS + port_offset) * SECRETS + self.secret

        digits = _digits_of(number)
        digits.append(_check_digit(digits))
        return "".join(SYMBOLS[digit] for digit in digits)

    @property
    def url(self) -> str:
        """The address of the room's server."""
        return f"http://{self.address}:{self.port}"

    @property
    def page_url(self) -> str:
        """The address of the room's page, for phones."""
        return f"{self.url}/{self}"

    def __str__(self) -> str:
        return "-".join(self.token[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def _is_code(digits: list[int]) -> bool:
    """Return whether these are the digits of a code; -1 stands for a symbol that is none."""
    if len(digits) != LENGTH or -1 in digits:
        return False
    return digits[-1] == _check_digit(digits[:-1])


def _number_of(digits: list[int]) -> int:
    """Return the number that has these digits to base 32, the highest first."""
    number = 0
    for digit in digits:
        number = number * len(SYMBOLS) + digit
    return number


def _digits_of(number: int) -> list[int]:
    """Return the digits of a number to base 32, the highest first, as many as a code has before its check digit."""
    digits: list[int] = []
    quotient = number
    for _ in range(LENGTH - 1):
        quotient, digit = divmod(quotient, len(SYMBOLS))
        digits.append(digit)
    return digits[::-1]


def _check_digit(digits: list[int]) -> int:
    """Return the check digit, a weighted sum: odd weights reveal any wrong symbol, and nearly all swapped neighbors."""
    weighted_digits = [(2 * place + 1) * digit for place, digit in enumerate(digits)]
    return sum(weighted_digits) % len(SYMBOLS)


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
    """All that leaves a participant's laptop. `DISCLOSED` explains every field to the participant before joining."""

    participant: Participant
    sequence: Annotated[int, Field(ge=0, le=2**53)] = 0
    name: Name = ""
    lesson: Identifier | Literal[""] = ""
    guesses: Annotated[Mapping[Identifier, GuessReport], Field(max_length=200)] = {}
    passed: Annotated[Mapping[Identifier, Annotated[int, Field(ge=0, le=MOST_MINUTES)]], Field(max_length=200)] = {}
    help: Help = "none"
    help_clicks: Count = 0
    repairs: Mapping[Day, Repair] = {}


DISCLOSED = {
    "participant": "a random number for this workspace",
    "sequence": "when the report was made",
    "name": "your name, if you give one; only the presenter sees it",
    "lesson": "the lesson that you are in",
    "guesses": "your predictions and answers to polls: the option that you clicked, the outcome on your machine",
    "passed": "which exercises you passed, and in how many minutes",
    "help": "whether you clicked “I am stuck” or “Done”",
    "help_clicks": "how often you clicked one of the two",
    "repairs": "on game day: the seconds until your repair, and which kind of sign your debrief names",
}
"""Each field of `Snapshot` in the words that a participant reads before joining."""
NOT_SENT = "Never sent: your code, your answers and policies, log lines, anything else on your machine."
SUMMARY = "The presenter keeps a summary of this session: counts and minutes, without names."
"""What participants read if the presenter keeps a summary."""
SUMMARY_RULE = (
    "The answers to the feedback at the end are kept without names, a summary without names only if the room is told "
    "so while you are in it; all else ends with the room."
)
ENDS = "It is sent to the presenter's laptop alone, unencrypted, while a lesson's kernel runs; it ends after 12 hours."


def disclosure() -> list[str]:
    """Return the lines that tell a participant what leaves the laptop."""
    return ["This leaves your laptop:", *(f"  · {text}" for text in DISCLOSED.values()), NOT_SENT, ENDS, SUMMARY_RULE]


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
    and ``keeps_summary`` says whether the presenter keeps a summary (`SUMMARY`).
    """

    number: Count
    helped: Count = 0
    notice: Notice | None = None
    poll: Poll | None = None
    keeps_summary: bool = False


def sign_named_in(debrief: str) -> Sign:
    """Return the first kind of sign that a debrief names; "" for none. Only this word leaves the laptop.

    >>> sign_named_in("The log lines stopped, then the chart fell.")
    'logs'
    """
    for word in WORD.findall(debrief.lower()):
        singular = word.removesuffix("s")
        for sign, names in SIGNS.items():
            if singular in names:
                return sign
    return ""
