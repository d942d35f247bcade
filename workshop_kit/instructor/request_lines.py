"""The log lines of one request, and their picture for the room: as they were written, wrapped."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from workshop_kit.instructor.clock_svg import HEIGHT, picture
from workshop_kit.screen import as_html, visible

COLUMNS, MOST_CHARACTERS = 90, 900
TOP, ROW, GAP, LEFT = 92, 38, 20, 30


@dataclass(frozen=True)
class RequestLines:
    """The lines of a request, oldest first, each with its grade; none if the log has no such request."""

    request_id: str
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def texts(self) -> list[str]:
        """The lines alone, with unsafe characters escaped."""
        return [visible(text, MOST_CHARACTERS) for _, text in self.lines]

    def svg(self, *, alone: bool = False) -> str:
        """Return the picture; with ``alone`` it brings its colors."""
        count = len(self.lines)
        title = f"{count} log line{'' if count == 1 else 's'} of the request {visible(self.request_id, 64)}"
        return picture(title, "\n".join(self.texts), self._parts(title), alone=alone)

    def _parts(self, title: str) -> Iterator[str]:
        yield f'<text class="said" x="0" y="{TOP - 46}">{as_html(title)}</text>'
        y, name = TOP, as_html(self.request_id)
        for (grade, _), text in zip(self.lines, self.texts, strict=True):
            rows = textwrap.wrap(text, COLUMNS, break_on_hyphens=False)
            if y + len(rows) * ROW > HEIGHT - ROW:
                yield f'<text class="text" x="{LEFT}" y="{y + 28}">…</text>'
                return
            yield f'<rect class="bar {grade}" x="1" y="{y}" width="14" height="{len(rows) * ROW}"/>'
            for index, row in enumerate(rows):
                written = as_html(row).replace(name, f'<tspan class="found">{name}</tspan>')
                yield f'<text class="text" x="{LEFT}" y="{y + index * ROW + 28}">{written}</text>'
            y += len(rows) * ROW + GAP
