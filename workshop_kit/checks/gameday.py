"""The checks of game day: are the customers served again, and is there a debrief?"""

from __future__ import annotations

from workshop_kit.trials import game_records
from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import CheckEnded, Context, entry_of
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.game_records import GameRecord
from workshop_kit.trials.result import Result
from workshop_kit.trials.service import Service

QUESTIONS = {
    "what": "What was it?",
    "since": "Since when?",
    "how": "How do you know?",
    "considered": "What else did you consider?",
}
LETTERS = 4
"""The least number of letters and digits in an answer of the debrief."""


@check("gameday.monday")
@check("gameday.wednesday")
@check("gameday.thursday")
def incident(service: Service) -> None:
    """All customers are served again, as before; and you can say why."""
    record = handed_in(service.context)
    if record.why_not_judged:
        raise CheckEnded(Result.not_judged(record.why_not_judged))

    customers_are_served(record)
    debrief_is_written(record)


def handed_in(context: Context) -> GameRecord:
    """Require an incident of the exercise's day; return its record."""
    _, _, day = context.exercise.id.partition(".")
    identifier = entry_of(entry_of(context.answer, "value"), "incident")
    records = game_records.read(context.stack.session.folder)
    own_records = [record for record in records if (record.id, record.name) == (identifier, day)]
    require(
        bool(own_records),
        seen=Observation(f"Look for your {day}", day if own_records else "none", 0.0),
        expected=day,
        means=f"The incident that was handed in was not {day}, or it was long ago.",
        look="Run the cells above again.",
    )
    return own_records[-1]


def customers_are_served(record: GameRecord) -> None:
    """Expect that the debrief, which watches the customers, has seen all of them served."""
    means = record.symptom
    look = "When did it begin, and what happened just before? Releases, lines, charts: each has a part of the answer."
    if record.watched_at is None:
        means = "Nobody has looked yet whether it is over."
        look = "Write the debrief: it watches the customers."

    got = [record.symptom or "all are served, in time.", record.age]
    if record.to_repair_seconds is not None:
        got.insert(1, f"It hurt for {record.to_repair_seconds:.0f} s.")
    expect(
        record.fixed is not None and not record.symptom,
        seen=Observation("Watch the customers for some seconds", " ".join(filter(None, got)), 0.0),
        expected="all are served, in time, and it stays like that",
        means=means,
        look=look,
    )


def debrief_is_written(record: GameRecord) -> None:
    """Expect an answer to each of the questions."""
    answers = {name: record.debrief.get(name, "") for name in QUESTIONS}
    unanswered = [QUESTIONS[name] for name, text in answers.items() if sum(map(str.isalnum, text)) < LETTERS]
    got = f"no answer to: {' '.join(unanswered)}" if unanswered else " ".join(answers.values())
    expect(
        not unanswered,
        seen=Observation(f"Read the debrief of {record.name}", got, 0.0),
        expected="four answers for your neighbor",
        means="It is over, and nobody knows why: the next one will take as long. Write the debrief.",
        look=f'{record.name}.debrief(what="…", since="…", how="…", considered="…")',
    )
