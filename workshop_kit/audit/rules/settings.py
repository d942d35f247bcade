"""Where settings come from, and what happens without them."""

from __future__ import annotations

from workshop_kit.audit.data import Evidence, Judged, cannot_tell, fails, holds, not_applicable
from workshop_kit.audit.experiments import Run
from workshop_kit.audit.subject import Subject
from workshop_kit.observe.masking import variables_named

SOON_SECONDS = 10.0


def from_environment(subject: Subject) -> Judged:
    """It listens on the port that a variable names; where none does, it asks for variables when it has none.

    Only a variable that somebody gave promises something; PORT is tried all the same.
    """
    runs = subject.runs
    canaried = runs.canaried
    given = ", ".join(f"{name}={new}" for name, (_, new) in canaried.moved.items())
    seen = Evidence(f"run with {given or 'its settings'}", f"it {canaried.run.started.summary}")
    if canaried.now_on:
        return holds(f"Given {given} it listens there.", seen)
    if canaried.still_on and set(canaried.moved) & set(runs.environment):
        return fails(f"It was given {given}, and listens on {', '.join(map(str, canaried.still_on))} as before.", seen)
    if runs.bare.started.ended and (named := variables_named(runs.bare.lines(20))):
        asked = Evidence("run with the image's own environment", f"it {runs.bare.started.summary}; {runs.bare.lines()}")
        return holds(f"It asks for {', '.join(named[:4])}{' …' if len(named) > 4 else ''}.", asked)
    return cannot_tell("No variable was found whose effect can be seen from outside.", seen)


def fails_fast(subject: Subject) -> Judged:
    """Without what it was given it ends by itself, not with 0, and its last lines say something."""
    runs = subject.runs
    bare, given = runs.bare, bool(runs.given)
    seen = Evidence(
        "run with the image's own environment", f"it {bare.started.summary}; {bare.lines() or 'it said nothing'}"
    )
    if not bare.started.ended and not given:
        return not_applicable("It starts without any setting: none is required.", seen)
    if not bare.started.ended:
        return cannot_tell("It runs without its settings; whether it needed one cannot be seen.", seen)
    if bare.started.exit_code == 0:
        return not_applicable("It ends by itself with 0, as a job does.", seen)
    if given and not runs.normal.started.ready:
        return cannot_tell(f"With its settings it {runs.normal.started.summary}, too.", seen)
    return _of_an_end(bare, given, max(SOON_SECONDS, 3 * runs.normal.started.seconds), seen)  # both may be slow


def _of_an_end(bare: Run, given: bool, soon_seconds: float, seen: Evidence) -> Judged:
    """It ended for want of something (that is certain if it runs with what it was given): did it say what?"""
    if bare.started.seconds > soon_seconds:
        return fails(f"It took {bare.started.seconds:.1f} s to say no.", seen)
    if variables_named(bare.lines(20)):
        return holds(f"It ended after {bare.started.seconds:.1f} s and said which.", seen)
    if given or len(bare.log) == 0:
        return fails("It ends, and does not say which setting is missing.", seen)
    return cannot_tell("It ends by itself; whether a setting is missing its last lines do not say.", seen)
