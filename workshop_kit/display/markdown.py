"""Templates of Markdown in which text from elsewhere cannot act, and secrets are masked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_kit.display.rendered import templates
from workshop_kit.observe.masking import Mask

if TYPE_CHECKING:
    from jinja2 import Template

_ACTIVE = re.compile(r"[\\`*_\[\]<>#|~&@]|:(?=//)|(?<=www)\.|(?<=mailto):", re.IGNORECASE)


def markdown_template(path: Path, mask: Mask) -> Template:
    """Return a template with the filters ``plain``, ``code``, ``masked``, and ``text``: masked, then plain."""
    environment = templates(path.parent).overlay()  # the mask is this page's alone

    def text(value: str, *limit: int) -> str:
        return plain(mask(value, *limit))

    environment.filters = environment.filters | {"plain": plain, "code": code, "masked": mask, "text": text}
    return environment.get_template(path.name)


def plain(text: str) -> str:
    """Escape a text for Markdown: no link, no image, no HTML, no mention."""
    return _ACTIVE.sub(_character_reference, text)


def code(text: str) -> str:
    """Return a text as inline code in Markdown, between more backticks than any in the text."""
    if not text:
        return ""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)

    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|")


def _character_reference(match: re.Match[str]) -> str:
    """Return the matched character as a numeric character reference of HTML."""
    return f"&#{ord(match[0])};"
