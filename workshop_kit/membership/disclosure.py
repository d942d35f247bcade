"""What participants read before they join a live room: what leaves the laptop, to whom, and for how long."""

from __future__ import annotations

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
