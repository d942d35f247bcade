"""The result of a check as HTML and text, in which what containers say stays text."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.exercises import registry
from workshop_kit.exercises.cards import as_text, comparison_card, exercise_page, result_card, solution_card
from workshop_kit.exercises.result import Finding, Result, Verdict
from workshop_kit.paths import CHECKOUT

BAD = Finding(False, "docker stop", "137 after 10.0 s", "0 within 2 s", "Requests are cut off.", "Look at main().")
RESULT = Result(Verdict.WRONG, "It was killed.", (BAD,), exercise="container.graceful", seconds=1.24)
EXERCISE = registry.find(registry.load(CHECKOUT), "container.graceful")


def test_lines_are_wrapped_and_terminal_sequences_written_out() -> None:
    """Long sentences are wrapped under themselves; a container can neither clear nor color the participant's screen."""
    long = replace(BAD, got="\x1b[2Jred\u202etxet\nnext", means="word " * 60)
    text = as_text(replace(RESULT, findings=(long,), output=long.got))
    assert max(len(line) for line in text.split("\n")) <= 88
    assert not set(text) & set("\x1b\u202e")
    assert "came back       \\x1b[2Jred\\u202etxet\n                    next\n" in text


STRANGE = st.text(st.sampled_from("<>&\"'=/ai\n")) | st.sampled_from(["<script>x</script>", "<img src=x onerror=y>"])


@given(STRANGE, st.sampled_from(Verdict), st.booleans())
def test_no_text_becomes_markup(strange: str, verdict: Verdict, passed: bool) -> None:
    """Text of containers and authors is escaped."""

    def pages(text: str) -> list[str]:
        finding = Finding(passed, text, text, text, text, text)
        result = Result(verdict, text, (finding,), text, exercise=text, seconds=0.1)
        odd = EXERCISE.model_copy(update={"title": text, "guidelines": (text,), "id": text})
        shown = [exercise_page(odd, result, (text,), solution=solution_card(text)), result_card(result)]
        shown.append(comparison_card(f"mine {text}", f"theirs {text}"))
        return [page.html for page in shown]

    if not strange:
        return
    for odd, plain in zip(pages(strange), pages("x"), strict=True):
        assert re.findall("<[^>]*>", re.sub('"[^"]*"', "", odd)) == re.findall("<[^>]*>", re.sub('"[^"]*"', "", plain))
