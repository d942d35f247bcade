"""What leaves a laptop, and the join code: these fields alone, after a yes, to the address that was meant."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from tests.commands import Cli
from tests.examples import given, st
from tests.workshop_room.live_room.conftest import LiveRoom
from workshop_kit.errors import Exit, WrongUsage
from workshop_kit.exercises.progress import Progress
from workshop_kit.membership import membership
from workshop_kit.membership.debrief_signs import sign_named_in
from workshop_kit.membership.disclosure import DISCLOSED, SUMMARY, disclosure
from workshop_kit.membership.join_code import FIRST_PORT, LENGTH, PORTS, SECRETS, SYMBOLS, JoinCode
from workshop_kit.membership.protocol import GuessReport, Repair, Snapshot
from workshop_kit.observe.http import Answer
from workshop_kit.trials import game_records
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace.folder import Workspace

SECRET = "my own words"


def test_these_fields_leave_a_laptop_and_each_is_said_before() -> None:
    """A new field fails here: say it in `DISCLOSED` first. Answers to polls leave as predictions do."""
    fields = ["participant", "sequence", "name", "lesson", "guesses", "passed", "help", "help_clicks", "repairs"]
    assert list(Snapshot.model_fields) == fields
    assert set(GuessReport.model_fields) == {"choice", "outcome"}
    assert set(Repair.model_fields) == {"seconds", "sign"}
    assert DISCLOSED.keys() == Snapshot.model_fields.keys()
    lines = disclosure()
    for text in DISCLOSED.values():
        assert any(text in line for line in lines), text


def test_a_phone_sends_the_same_fields(root: Path) -> None:
    """Empty where a phone has nothing to say."""
    script = (root / "workshop_room" / "desk" / "pages" / "phone.js").read_text()
    match = re.search(r"change\(\{ participant, (.+?) \}\);", script)
    assert match
    names = ["participant", *re.findall(r"(\w+): ", match[1])]
    assert names == list(Snapshot.model_fields)


def test_a_snapshot_has_none_of_the_participants_texts(
    empty_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers, policies and debriefs stay; of a debrief one word of five leaves."""
    progress = Progress(empty_workspace.progress_path)
    progress.lock_guess("00_start.gone", "green")
    progress.record_actual("00_start.gone", "red")
    progress.keep_policy("01_container", [SECRET])
    progress.keep_answer("logging.cause", SECRET)
    progress.record_start("container.limits")
    progress.record_check("container.limits", Verdict.PASSED)
    progress.record_check("logging.cause", Verdict.WRONG)
    record = f'"id": "1", "name": "monday", "seed": 7, "began": "{moment(0)}", "first_symptom": "{moment(5)}"'
    debrief = f'"what": "{SECRET}", "how": "The chart fell, {SECRET}"'
    empty_workspace.ledger_path.with_name(game_records.FILE).write_text(
        f'{{{record}, "fixed": "{moment(47)}", "debrief": {{{debrief}}}, "actions": ["{SECRET}"]}}\n'
    )
    sent: list[str] = []

    def post(_code: JoinCode, _path: str, body: str) -> Answer:
        sent.append(body)
        return Answer(200, body='{"number": 1}')

    monkeypatch.setattr(membership, "post", post)
    membership.join(empty_workspace, JoinCode("127.0.0.1", 28_100, 1), "Ada")
    snapshot = Snapshot.model_validate_json(sent[0])
    assert (snapshot.name, snapshot.guesses) == ("Ada", {"00_start.gone": GuessReport(choice="green", outcome="red")})
    assert snapshot.passed == {"container.limits": 0}
    assert snapshot.repairs == {"monday": Repair(seconds=42, sign="metrics")}
    assert SECRET not in sent[0]
    assert membership.path_of(empty_workspace).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("debrief", "sign"),
    [
        ("It went offline before the deadline.", ""),
        ("The catalog was logically wrong on every paragraph.", ""),
        ("The pipeline was red, then a chart fell.", "metrics"),
        ("Dashboards first, then the logs.", "metrics"),
        ("One LINE said it; the lines after it did not.", "logs"),
        ("container_memory_bytes rose.", "metrics"),
        ("The configuration of the last release.", "configuration"),
        ("It was throttled.", "metrics"),
        ("/readyz said 503: unhealthy.", "health"),
        ("Visitors complained.", "customers"),
        ("", ""),
    ],
)
def test_a_debrief_names_a_sign_by_whole_words(debrief: str, sign: str) -> None:
    """The first word of it, singular or plural; a part of another word names nothing."""
    assert sign_named_in(debrief) == sign


def moment(second: int) -> str:
    """A time of a recorded incident."""
    return f"2026-05-01T12:00:{second:02}Z"


codes = st.builds(
    JoinCode,
    st.ip_addresses(v=4).map(str),
    st.integers(FIRST_PORT, FIRST_PORT + PORTS - 1),
    st.integers(0, SECRETS - 1),
)


@given(codes)
def test_a_code_says_address_port_and_secret(code: JoinCode) -> None:
    """As it is shown, in small letters, without dashes, and with O, I and L for the digits they look like."""
    shown = str(code)
    assert len(shown) == LENGTH + 2
    for typed in (shown, shown.lower(), f" {code.token} ", shown.replace("0", "o").replace("1", "l")):
        assert JoinCode.read(typed) == code


@given(codes, st.integers(0, LENGTH - 1), st.sampled_from(SYMBOLS))
def test_one_wrong_symbol_is_found(code: JoinCode, place: int, symbol: str) -> None:
    """Before anything is sent anywhere."""
    typed = code.token[:place] + symbol + code.token[place + 1 :]
    if typed != code.token:
        with pytest.raises(WrongUsage, match="is no code of a live room"):
            JoinCode.read(typed)


def test_join_asks_and_leave_forgets(
    live_room: LiveRoom, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every line of what leaves comes before the question; after a no, or Enter alone, the room knows nobody."""

    def join(*words: str, answer: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        process = cli("join", *words, WORKSHOP_WORKSPACE=str(tmp_path / "my workspace"))
        return process.returncode, process.stderr

    room = str(live_room.server.code)
    for no in ("n\n", "\n"):
        code, output = join(room, answer=no)
        assert (code, "Nothing was sent." in output) == (Exit.GOOD, True)
        assert output.startswith("\n".join(disclosure()))
        assert live_room.classroom.snapshots() == []
    code, output = join(room, "--name", "Ada", answer="y\n")
    assert (code, "Joined: you are table 1." in output, SUMMARY in output) == (Exit.GOOD, True, False)
    assert [snapshot.name for snapshot in live_room.classroom.snapshots()] == ["Ada"]
    live_room.classroom.keeps_summary = True
    assert SUMMARY in join(room, "--yes")[1]
    for words, is_shown in ((("--yes",), False), (("--yes", "--notebooks"), True)):
        assert join(room, *words)[0] == Exit.GOOD
        room_membership = membership.read(Workspace.open(tmp_path / "my workspace"))
        assert room_membership is not None
        assert room_membership.notebooks == is_shown
    code, output = join("--leave")
    assert (code, output.strip()) == (Exit.GOOD, "The room has forgotten you.")
    assert live_room.classroom.snapshots() == []
