"""The answers of a live room to 200 participants at their real rhythm, and the events that it lost.

The participants' threads run in a process of their own, on the same machine. Every fifth of them has no network for a
while; each makes guesses and asks for help at random times. An event is lost if the room does not know it at the end.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks._rows import Row, show
from benchmarks._workspace import ROOT
from workshop_kit.exercises.progress import Progress
from workshop_kit.membership import membership
from workshop_kit.membership.protocol import JoinCode, Snapshot
from workshop_kit.membership.room_widget import RoomSync
from workshop_kit.observe.http import Answer
from workshop_kit.terminal import say
from workshop_kit.untrusted_text import visible
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk.audience import Audience
from workshop_room.desk.room_api import RoomApi
from workshop_room.desk.room_server import open_room

PARTICIPANTS = 200
GUESSES = 6
SECONDS = 45.0
CUT_SECONDS = (12.0, 27.0)
LAST_SECONDS = 20.0
CUT_EVERY = 5
"""One of so many participants loses the network."""


@dataclass
class Participant:
    """One participant with a workspace of its own, and the seconds of each answer that it got."""

    folder: Path
    number: int
    began: float
    seconds: list[float] = field(default_factory=list)

    def post(self, code: JoinCode, path: str, body: str) -> Answer:
        """Post as the kit does, unless the network is cut."""
        cut = CUT_SECONDS[0] <= time.monotonic() - self.began < CUT_SECONDS[1]
        if cut and self.number % CUT_EVERY == 0:
            return Answer(None, error="cut")
        answer = membership.post(code, path, body)
        self.seconds.append(answer.seconds if answer.ok else float("inf"))
        return answer

    def start(self, code: JoinCode) -> RoomSync:
        """Join the room and start the thread."""
        workspace = Workspace.open(self.folder, self.folder / "no checkout")
        membership.join(workspace, code, f"Person {self.number}")
        sync = RoomSync(workspace, "01_container", self.post)
        sync.start()
        return sync


def take_part(typed: str, folder: str, answers: multiprocessing.Queue[object]) -> None:
    """Play all participants; put the seconds of all answers and the final snapshots into the queue."""
    code = JoinCode.read(typed)
    began = time.monotonic()
    participants = [Participant(Path(folder, str(number)), number, began) for number in range(PARTICIPANTS)]
    syncs = [participant.start(code) for participant in participants]
    for participant in participants:
        participant.began = time.monotonic()

    events = sorted((random.uniform(0, SECONDS), number, sync) for number, sync in enumerate(syncs * GUESSES))
    started = time.monotonic()
    for moment, number, sync in events:
        time.sleep(max(0.0, started + moment - time.monotonic()))
        Progress(sync.workspace.progress_path).lock_guess(f"01_container.guess-{number}", "green")
        if number % 3 == 0:
            sync.click_help("stuck")

    time.sleep(LAST_SECONDS)  # as long as the longest pause of a thread
    for sync in syncs:
        sync.stop()

    messages = [membership.next_snapshot(sync.workspace) for sync in syncs]
    snapshots = [message[1] for message in messages if message]
    all_seconds = [seconds for participant in participants for seconds in participant.seconds]
    answers.put((all_seconds, snapshots))


def lost(sent_snapshots: list[Snapshot], known_snapshots: list[Snapshot]) -> int:
    """Count the guesses and help clicks that the room does not know."""
    known_by_id = {snapshot.participant: snapshot for snapshot in known_snapshots}
    missing_events = 0
    for snapshot in sent_snapshots:
        known_snapshot = known_by_id.get(snapshot.participant, Snapshot(participant=snapshot.participant))
        missing_events += len(snapshot.guesses.keys() - known_snapshot.guesses.keys())
        missing_events += snapshot.help_clicks - known_snapshot.help_clicks
    return missing_events


def main() -> None:
    """Open a room and let 200 participants use it."""
    processes = multiprocessing.get_context("spawn")
    answers = processes.Queue()
    with tempfile.TemporaryDirectory() as folder:
        server = open_room(Path(folder, "code"), "127.0.0.1")
        api = RoomApi(server.code, Audience(), ROOT)
        server.start(api.classroom)
        child = processes.Process(target=take_part, args=(str(server.code), folder, answers), daemon=True)
        child.start()

        while answers.empty():
            if child.exitcode:
                raise SystemExit(visible(f"The participants ended with {child.exitcode}."))
            api.state()  # as the presenter's page does every second
            time.sleep(1.0)

        seconds, sent_snapshots = answers.get()
        lost_events = lost(sent_snapshots, api.classroom.snapshots())
        server.stop()

    events = sum(len(snapshot.guesses) + snapshot.help_clicks for snapshot in sent_snapshots)
    cut = f"{PARTICIPANTS // CUT_EVERY} of them {CUT_SECONDS[1] - CUT_SECONDS[0]:.0f} s without a network"
    say(f"{len(seconds)} answers, {seconds.count(float('inf'))} of them failed or later than 3 s; {events} events")

    cuts = statistics.quantiles(seconds, n=100)
    show(
        [
            Row(f"answers to {PARTICIPANTS} participants", cuts[49], len(seconds), taken="p50"),
            Row(f"answers to {PARTICIPANTS} participants", cuts[98], len(seconds), "≤ 0.3 s", taken="p99"),
            Row(f"events lost, {cut}", lost_events, events, "0", taken="all", unit="events"),
        ]
    )


if __name__ == "__main__":
    main()
