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
from workshop_kit.membership.join_code import JoinCode
from workshop_kit.membership.protocol import Snapshot
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
    """One participant with a workspace of its own.

    ``seconds`` has the time of each answer, infinity for one that failed; ``began`` is when the events begin.
    """

    folder: Path
    number: int
    began: float
    seconds: list[float] = field(default_factory=list)

    def post(self, code: JoinCode, path: str, body: str) -> Answer:
        """Post as the kit does, unless the participant's network is cut now."""
        cut_begin, cut_end = CUT_SECONDS
        is_cut_time = cut_begin <= time.monotonic() - self.began < cut_end
        if is_cut_time and self.number % CUT_EVERY == 0:
            return Answer(None, error="cut")
        answer = membership.post(code, path, body)
        self.seconds.append(answer.seconds if answer.ok else float("inf"))
        return answer

    def start(self, code: JoinCode) -> RoomSync:
        """Join the room and start the thread that sends snapshots; return it."""
        workspace = Workspace.open(self.folder, self.folder / "no checkout")
        membership.join(workspace, code, f"Person {self.number}")
        sync = RoomSync(workspace, "01_container", self.post)
        sync.start()
        return sync


def take_part(typed: str, folder: str, answers: multiprocessing.Queue[object]) -> None:
    """Play all participants; put the seconds of all answers and the final snapshots into the queue.

    ``typed`` is the join code, and ``folder`` gets their workspaces.
    """
    code = JoinCode.read(typed)
    began = time.monotonic()
    participants = [Participant(Path(folder, str(number)), number, began) for number in range(PARTICIPANTS)]
    syncs = [participant.start(code) for participant in participants]
    for participant in participants:
        participant.began = time.monotonic()

    make_events(syncs)
    time.sleep(LAST_SECONDS)  # as long as the longest pause of a thread
    for sync in syncs:
        sync.stop()

    messages = [membership.next_snapshot(sync.workspace) for sync in syncs]
    snapshots = [message[1] for message in messages if message]
    all_seconds = [seconds for participant in participants for seconds in participant.seconds]
    answers.put((all_seconds, snapshots))


def make_events(syncs: list[RoomSync]) -> None:
    """Let each participant make GUESSES guesses at random times, and ask for help with every third guess."""
    numbered_syncs = enumerate(syncs * GUESSES)
    events = sorted((random.uniform(0, SECONDS), number, sync) for number, sync in numbered_syncs)
    started = time.monotonic()

    for moment, number, sync in events:
        time.sleep(max(0.0, started + moment - time.monotonic()))
        Progress(sync.workspace.progress_path).lock_guess(f"01_container.guess-{number}", "green")
        if number % 3 == 0:
            sync.click_help("stuck")


def count_lost_events(sent_snapshots: list[Snapshot], known_snapshots: list[Snapshot]) -> int:
    """Count the guesses and help clicks that the participants made and the room does not know."""
    known_by_participant = {snapshot.participant: snapshot for snapshot in known_snapshots}
    missing_events = 0
    for snapshot in sent_snapshots:
        nothing_known = Snapshot(participant=snapshot.participant)
        known_snapshot = known_by_participant.get(snapshot.participant, nothing_known)
        missing_guesses = snapshot.guesses.keys() - known_snapshot.guesses.keys()
        missing_clicks = snapshot.help_clicks - known_snapshot.help_clicks
        missing_events += len(missing_guesses) + missing_clicks
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
        lost_events = count_lost_events(sent_snapshots, api.classroom.snapshots())
        server.stop()

    events = sum(len(snapshot.guesses) + snapshot.help_clicks for snapshot in sent_snapshots)
    failed_answers = seconds.count(float("inf"))
    say(f"{len(seconds)} answers, {failed_answers} of them failed or later than 3 s; {events} events")

    percentiles = statistics.quantiles(seconds, n=100)
    median = percentiles[49]
    p99 = percentiles[98]
    cut_begin, cut_end = CUT_SECONDS
    cut = f"{PARTICIPANTS // CUT_EVERY} of them {cut_end - cut_begin:.0f} s without a network"
    work = f"answers to {PARTICIPANTS} participants"
    show(
        [
            Row(work, median, len(seconds), taken="p50"),
            Row(work, p99, len(seconds), "≤ 0.3 s", taken="p99"),
            Row(f"events lost, {cut}", lost_events, events, "0", taken="all", unit="events"),
        ]
    )


if __name__ == "__main__":
    main()
