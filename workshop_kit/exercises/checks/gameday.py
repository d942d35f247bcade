"""The checks of game day: are the customers served again, and can you tell your neighbor what it was?"""

from __future__ import annotations

from functools import partial

from workshop_kit.exercises import game_records
from workshop_kit.exercises.answers import part
from workshop_kit.exercises.game_records import QUESTIONS, Record
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding, Verdict

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
LETTERS = 4
"""So many letters and digits in an answer of the debrief, at least: a question mark is none."""


def _judge(context: Context, day: str) -> CheckResult:
    """Look at what became of the customers, as the game has written it down."""
    value = (context.answer or {}).get("value")
    record = game_records.find(context.stack.session, str(part(value, "incident") or ""))
    if record is None:
        means = "No incident was handed in, or it was long ago."
        start = found(False, f"Look for your {day}", "none", f"an incident of {day}", means, "Run the cells again.")
        return CheckResult(means, (start,), Verdict.WRONG)
    if record.name != day:
        means = f"This was {record.name}: it belongs to another exercise."
        other = found(False, f"Look for your {day}", record.name, day, means, "Hand in the incident of the cell above.")
        return CheckResult(means, (other,), Verdict.WRONG)
    return judged(record)


def judged(record: Record) -> CheckResult:
    """Hold an incident's record against what customers and neighbors want."""
    findings = (_customers(record), _debrief(record))
    reference = f" {record.reference}" if record.reference else ""
    if wrong := [finding for finding in findings if not finding.passed]:
        return CheckResult(f"{wrong[0].means}{reference}", findings)
    seconds = record.to_repair_seconds
    after = f" {seconds:.0f} s after it began to hurt" if seconds is not None else ""
    return CheckResult(f"All customers are served again,{after or ' as before'}; and you can say why.{reference}", findings)


def _customers(record: Record) -> Finding:
    return found(
        not record.symptom and record.fixed is not None,
        "Watch the customers for some seconds",
        record.symptom or "all are served, in time",
        "all are served, in time, and it stays like that",
        record.symptom or "Nobody has looked yet whether it is over.",
        "When did it begin, and what happened just before? Releases, lines, charts: each has a part of the answer.",
    )


def _debrief(record: Record) -> Finding:
    said = {name: record.debrief.get(name, "") for name in QUESTIONS}
    open_questions = [QUESTIONS[name] for name, text in said.items() if sum(map(str.isalnum, text)) < LETTERS]
    return found(
        not open_questions,
        f"Read the debrief of {record.name}",
        f"no answer to: {' '.join(open_questions)}" if open_questions else " ".join(said.values()),
        "four answers for your neighbor",
        "It is over, and nobody knows why: the next one will take as long. Write the debrief.",
        f'{record.name}.debrief(what="…", since="…", how="…", considered="…")',
    )


for _day in DAYS:
    check(f"gameday.{_day}")(partial(_judge, day=_day))
