"""The take-home page: a participant's policies, predictions, and what an audit found, in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from html import escape
from typing import Any

from workshop_kit.audit.data import Audited, Finding, Report, Verdict
from workshop_kit.audit.report.words import CLOSING, counts, identity, principles
from workshop_kit.display.rendered import Rendered
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.records import guess_in
from workshop_kit.lessons.questions import load_all
from workshop_kit.observe.masking import Mask
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content
from workshop_kit.workspace.files import explain
from workshop_kit.workspace.folder import Workspace

NAME = "take-home.md"
NOTE = "<!-- Written by the last lesson of the Container Design Workshop. Run again, it is written anew. -->"
SENTENCE_LENGTH = 600
_ACTIVE = re.compile(r"[\\`*_\[\]<>#|~&@]|:(?=//)|(?<=www)\.|(?<=mailto):", re.IGNORECASE)


def write(workspace: Workspace, progress: Progress, report: Report) -> Rendered:
    """Write take-home.md into the workspace and return it with its place. Raises NotReady when it cannot be written."""
    text = page(progress.read(), report, _mask(workspace), date.today())
    content.write(workspace, NAME, text)
    place = f"{workspace.folder.name}/{NAME}"
    said = f"Written to {place}:"
    frame = f'<p>Written to <code>{escape(place)}</code>:</p><pre style="white-space: pre-wrap">{escape(text)}</pre>'
    return Rendered(frame, f"{said}\n\n{text}")


def page(document: dict[str, Any], report: Report, mask: Mask, day: date) -> str:
    """The page as Markdown: nothing in it acts, whatever was typed or found, and what looks like a secret is masked.

    ``document`` is what the progress file holds (see `Progress.read`).
    """
    parts = [NOTE, "", f"# What I take home, {day.isoformat()}", ""]
    parts += [*_policies(document, mask), *_predictions(document, mask)]
    for one in report.audited:
        parts += _audit(one, mask)
    return "\n".join([*parts, f"*{CLOSING}*", ""])


def _mask(workspace: Workspace) -> Mask:
    """A mask that knows the passwords of the participant's own stack."""
    try:
        return Mask(path.read_text(errors="replace").strip() for path in workspace.secrets_folder.iterdir())
    except OSError as error:
        raise explain(error, workspace.secrets_folder) from error


def _policies(document: dict[str, Any], mask: Mask) -> Iterator[str]:
    yield "## My policies"
    yield ""
    kept = document.get("policies")
    policies = kept if isinstance(kept, dict) else {}
    if not policies:
        yield "None is written yet: each lesson has a card for them."
        yield ""
    for lesson, sentences in sorted(policies.items()):
        yield f"**{plain(mask(lesson))}**"
        yield ""
        for sentence in sentences if isinstance(sentences, list) else ():
            yield f"- {plain(mask(str(sentence), SENTENCE_LENGTH))}"
        yield ""


def _predictions(document: dict[str, Any], mask: Mask) -> Iterator[str]:
    yield "## My predictions"
    yield ""
    kept = document.get("predictions")
    guesses = {name: guess_in(entry) for name, entry in kept.items()} if isinstance(kept, dict) else {}
    revealed = {name: guess for name, guess in guesses.items() if guess and guess.actual}
    if not revealed:
        yield "None yet: a click before an experiment locks a guess."
        yield ""
        return
    right = sum(guess.choice == guess.actual for guess in revealed.values())
    yield f"{right} of {len(revealed)} went as I said. The others taught me something:"
    yield ""
    yield "| | Before | I said | It did |"
    yield "| --- | --- | --- | --- |"
    questions = load_all(CHECKOUT / "notebooks")
    for name in sorted(revealed):
        guess, question = revealed[name], questions.get(name)
        options = question.options if question else {}
        words = [question.question if question else name]
        words += [options[key].text if key in options else key for key in (guess.choice, guess.actual or "")]
        cells = " | ".join(plain(mask(word)) for word in words)
        yield f"| {'✓' if guess.choice == guess.actual else '≠'} | {cells} |"
    yield ""


def code(text: str) -> str:
    """A text as code in Markdown, whatever it holds: nothing in it acts."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|") if text else ""


def plain(text: str) -> str:
    """A text as text in Markdown: no link, no image, no HTML, no mention."""
    return _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", text)


def _audit(one: Audited, mask: Mask) -> Iterator[str]:
    """What was found; before any number stands what of it is not the participant's work."""
    yield from (f"## Audit of {code(one.target)}", "")
    if one.reference:
        yield from (f"**{plain(one.reference)}**", "")
    yield from (f"{plain(identity(one).capitalize())}. {counts(one)}.", "")
    yield from ("| | | Verdict |", "| --- | --- | --- |")
    yield from (f"| {each.id} | {each.name} | {verdict.symbol} {verdict} |" for each, verdict in principles(one))
    yield ""
    if one.failing:
        yield from ("### To do, or to decide otherwise", "")
        for finding in one.failing:
            yield from _to_do(finding, mask)
        yield ""
    if unknown := one.of(Verdict.CANNOT_TELL):
        yield from ("### What only we can tell", "")
        reasons = dict.fromkeys(finding.said for finding in unknown)  # one of them is often that of many rules
        for reason in reasons:
            titles = "; ".join(finding.rule.title for finding in unknown if finding.said == reason)
            yield f"- {titles}: {plain(mask(reason, SENTENCE_LENGTH))}"
        yield ""


def _to_do(finding: Finding, mask: Mask) -> Iterator[str]:
    rule = finding.rule
    yield f"- [ ] **{rule.title}** ({rule.severity}, `{rule.id}`). {plain(mask(finding.said, SENTENCE_LENGTH))}"
    for one in finding.evidence[:2]:
        yield f"  - seen: {plain(mask(one.ran))}: {code(mask(one.saw))}"
    yield f"  - why: {rule.why}"
    yield f"  - next: {plain(rule.next_step)}"
