"""The checks of game day: are the customers served again, and is there a debrief?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from workshop_kit.exercises import game_records
from workshop_kit.exercises.check_api import Context, check, part
from workshop_kit.exercises.game_records import QUESTIONS, Record
from workshop_kit.exercises.result import Result, conclude, found

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
LETTERS = 4
"""The letters and digits that an answer of the debrief has at least."""


def _check(context: Context, day: str) -> Result:
    """Find the record of the incident that was handed in, and judge it."""
    identifier = str(part(part(context.answer, "value"), "incident"))
    record = game_records.find(context.stack.session.ledger.path, identifier)
    if record is not None and record.name == day:
        return judge(record)
    got, means = "none", "No incident was handed in, or it was long ago."
    if record is not None:
        got, means = record.name, f"This was {record.name}: it belongs to another exercise."
    return conclude("", [found(False, f"Look for your {day}", got, day, means, "Run the cells above again.")])


def judge(record: Record) -> Result:
    """Judge an incident by its customers and its debrief; not, where a busy machine explains what they suffer."""
    if record.why_not_judged:
        return Result.not_judged(record.why_not_judged)

    answers = {name: record.debrief.get(name, "") for name in QUESTIONS}
    open_questions = [QUESTIONS[name] for name, text in answers.items() if sum(map(str.isalnum, text)) < LETTERS]
    findings = (
        found(
            not record.symptom and record.fixed is not None,
            "Watch the customers for some seconds",
            record.symptom or "all are served, in time",
            "all are served, in time, and it stays like that",
            record.symptom or "Nobody has looked yet whether it is over.",
            "When did it begin, and what happened just before? Releases, lines, charts: each has a part of the answer.",
        ),
        found(
            not open_questions,
            f"Read the debrief of {record.name}",
            f"no answer to: {' '.join(open_questions)}" if open_questions else " ".join(answers.values()),
            "four answers for your neighbor",
            "It is over, and nobody knows why: the next one will take as long. Write the debrief.",
            f'{record.name}.debrief(what="…", since="…", how="…", considered="…")',
        ),
    )
    seconds = record.to_repair_seconds
    after = f" {seconds:.0f} s after it began to hurt" if seconds is not None else " as before"
    result = conclude(f"All customers are served again,{after}; and you can say why.", findings)
    return replace(result, summary=f"{result.summary} {record.reference}".rstrip())


for _day in DAYS:
    check(f"gameday.{_day}")(partial(_check, day=_day))
