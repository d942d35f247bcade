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
    """Return a template with the filters ``plain``, and ``text``: masked, then plain."""
    environment = templates(path.parent).overlay()  # the mask is this page's alone

    def text(value: str, *limit: int) -> str:
        return plain(mask(value, *limit))

    environment.filters = environment.filters | {"plain": plain, "text": text}
    return environment.get_template(path.name)


def plain(text: str) -> str:
    """Escape a text for Markdown: no link, no image, no HTML, no mention."""
    return _ACTIVE.sub(_character_reference, text)


def _character_reference(match: re.Match[str]) -> str:
    """Return the matched character as a numeric character reference of HTML."""
    return f"&#{ord(match[0])};"
