"""For three at a table: each sees one signal only, and has to tell the others. Cards to print, and the switch."""

from __future__ import annotations

from html import escape

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.learn.exercise.game_records import QUESTIONS
from workshop_kit.show.shown import Shown

EVERYTHING = "everything"
ROLES = {
    "configuration": (
        "You know what was released, when, and what it changed. You see no line and no chart.",
        ("incident.releases()", "incident.settings()", "incident.settings(40, 42)"),
        "Ask the others: since when? In which environment?",
    ),
    "logs": (
        "You read what the service wrote. You see no chart, and not what was released.",
        ("incident.logs()", "w.logs.explore(incident.logs())", 'w.logs.sql(incident.logs(), "select …")'),
        "Ask the others: does it use more than before? Was anything changed just then?",
    ),
    "metrics": (
        "You see traffic, latency, memory, CPU and health over time. You read no line, and not what was released.",
        ("incident.watch.dashboard()", "incident.watch.frames.resources", "incident.watch.frames.health"),
        "Ask the others: what does it say itself? What was changed just then?",
    ),
}
CSS = (
    ".wk-jigsaw section{border:2px solid;border-radius:6px;padding:.4em 1em 1em;margin:1em 0;break-inside:avoid}"
    ".wk-jigsaw li{margin:.3em 0}.wk-jigsaw .line{border-bottom:1px solid;height:2em}"
)


class Hidden(WorkshopError):
    """Somebody else at the table sees this."""

    def __init__(self, only: str, wanted: str) -> None:
        super().__init__(
            f"You see {only} today, and {wanted} is for somebody else at your table.",
            f'Ask them what they see. (Alone after all? incident.see("{EVERYTHING}"))',
        )


def look_of(what: str) -> str:
    """What is left to see: a role, or all of it (empty). Raises WrongUsage for neither."""
    if what == EVERYTHING:
        return ""
    if what not in ROLES:
        raise WrongUsage(f"{what!r} is nothing to see.", f"Choose from {', '.join((*ROLES, EVERYTHING))}.")
    return what


def jigsaw() -> Shown:
    """Return the page of cards, one for each of three people, with a debrief sheet for the table: to be printed."""
    cards = [_card(name, *texts) for name, texts in ROLES.items()]
    sheet = "".join(f'<p>{escape(question)}</p><div class="line"></div>' for question in QUESTIONS.values())
    html = (
        f'<style>{CSS}</style><div class="wk-jigsaw">{"".join(cards)}'
        f"<section><h3>The debrief, together</h3>{sheet}</section></div>"
    )
    lines = []
    for name, (sees, commands, asks) in ROLES.items():
        lines += [
            name.upper(),
            f'  incident.see("{name}")',
            f"  {sees}",
            *(f"  {one}" for one in commands),
            f"  {asks}",
        ]
    return Shown(html, "\n".join([*lines, "THE DEBRIEF, TOGETHER", *(f"  {one}" for one in QUESTIONS.values())]))


def _card(name: str, sees: str, commands: tuple[str, ...], asks: str) -> str:
    items = "".join(f"<li><code>{escape(one)}</code></li>" for one in commands)
    switch = escape(f'incident.see("{name}")')
    return (
        f"<section><h3>{escape(name.capitalize())}</h3><p>First: <code>{switch}</code></p><p>{escape(sees)}</p>"
        f"<ul>{items}</ul><p>{escape(asks)}</p></section>"
    )
