"""The checks of game day: are the customers served again, and is there a debrief?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from workshop_kit.trials import game_records
from workshop_kit.trials.check_api import Context, check, entry_of
from workshop_kit.trials.findings import findings
from workshop_kit.trials.game_records import QUESTIONS, Record
from workshop_kit.trials.result import Finding, Result, conclude

DAYS = ("monday", "wednesday", "thursday")
FINDINGS = findings("gameday")
LETTERS = 4
"""The least number of letters and digits in an answer of the debrief."""


def _judge_day(context: Context, day: str) -> Result:
    """Find the record of the incident that was handed in, and judge it if it is of this day."""
    value = entry_of(context.answer, "value")
    identifier = str(entry_of(value, "incident"))
    record = game_records.find(context.stack.session.folder, identifier)
    if record is None:
        return conclude("", [FINDINGS.failed("day.none", "none", day=day)])
    if record.name != day:
        return conclude("", [FINDINGS.failed("day.other", record.name, day=day, other=record.name)])
    return judge(record)


def judge(record: Record) -> Result:
    """Judge an incident by its customers and its debrief.

    It is not judged if the machine was so busy that customers may have failed because of that.
    """
    if record.why_not_judged:
        return Result.not_judged(record.why_not_judged)

    result = conclude(_summary(record), (_customers_finding(record), _debrief_finding(record)))
    notes = [result.summary, record.age, record.reference]
    return replace(result, summary=" ".join(note for note in notes if note))


def _summary(record: Record) -> str:
    """Return the summary of an incident that is over, with the seconds until its repair if they are known."""
    seconds = record.to_repair_seconds
    return FINDINGS.success_summary if seconds is None else FINDINGS.sentences["again"].format(seconds=seconds)


def _customers_finding(record: Record) -> Finding:
    """Find whether the customers are served again."""
    is_over = not record.symptom and record.fixed is not None
    way_to_fail = "suffer" if record.symptom else "unknown"
    observation = record.symptom or "all are served, in time"
    return FINDINGS.found(is_over, f"customers.{way_to_fail}", observation, symptom=record.symptom)


def _debrief_finding(record: Record) -> Finding:
    """Find whether the debrief answers all questions."""
    answers = {name: record.debrief.get(name, "") for name in QUESTIONS}
    open_questions = [QUESTIONS[name] for name, text in answers.items() if _count_letters(text) < LETTERS]

    observation = " ".join(answers.values())
    if open_questions:
        observation = f"no answer to: {' '.join(open_questions)}"
    return FINDINGS.found(not open_questions, "debrief", observation, day=record.name)


def _count_letters(text: str) -> int:
    """Return the number of letters and digits in a text."""
    return len([character for character in text if character.isalnum()])


for _day in DAYS:
    check(f"gameday.{_day}")(partial(_judge_day, day=_day))
