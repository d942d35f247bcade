"""The checks of game day: are the customers served again, and is there a debrief?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from workshop_kit.trials import game_records
from workshop_kit.trials.check_api import Context, check, entry_of
from workshop_kit.trials.findings import findings
from workshop_kit.trials.game_records import QUESTIONS, Record
from workshop_kit.trials.result import Finding, Result, conclude

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
SAYS = findings("gameday")
LETTERS = 4
"""The letters and digits that an answer of the debrief has at least."""


def _check(context: Context, day: str) -> Result:
    """Find the record of the incident that was handed in, and judge it."""
    value = entry_of(context.answer, "value")
    identifier = str(entry_of(value, "incident"))
    record = game_records.find(context.stack.session.ledger.path, identifier)
    if record is not None and record.name == day:
        return judge(record)
    if record is None:
        return conclude("", [SAYS.failed("day.none", "none", day=day)])
    return conclude("", [SAYS.failed("day.other", record.name, day=day, other=record.name)])


def judge(record: Record) -> Result:
    """Judge an incident by its customers and its debrief; not, where a busy machine explains what they suffer."""
    if record.why_not_judged:
        return Result.not_judged(record.why_not_judged)

    result = conclude(_summary(record), (_customers(record), _debrief(record)))
    notes = [result.summary, record.age, record.reference]
    return replace(result, summary=" ".join(note for note in notes if note))


def _summary(record: Record) -> str:
    """Return the summary of an incident that is over."""
    seconds = record.to_repair_seconds
    return SAYS.shown if seconds is None else SAYS.sentences["again"].format(seconds=seconds)


def _customers(record: Record) -> Finding:
    is_over = not record.symptom and record.fixed is not None
    way = "suffer" if record.symptom else "unknown"
    got = record.symptom or "all are served, in time"
    return SAYS.found(is_over, f"customers.{way}", got, symptom=record.symptom)


def _debrief(record: Record) -> Finding:
    answers = {name: record.debrief.get(name, "") for name in QUESTIONS}
    open_questions = [QUESTIONS[name] for name, text in answers.items() if _count_letters(text) < LETTERS]
    got = " ".join(answers.values())
    if open_questions:
        got = f"no answer to: {' '.join(open_questions)}"
    return SAYS.found(not open_questions, "debrief", got, day=record.name)


def _count_letters(text: str) -> int:
    return sum(map(str.isalnum, text))


for _day in DAYS:
    check(f"gameday.{_day}")(partial(_check, day=_day))
