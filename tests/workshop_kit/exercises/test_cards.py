"""The result of a check as HTML, text and JSON."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.exercises.cards import VERDICTS, as_text, comparison_card, exercise_page, result_card, solution_card
from workshop_kit.exercises.registry import Exercise
from workshop_kit.exercises.result import Finding, Result, Verdict

GOOD = Finding(True, "GET /orders", "200", "200")
BAD = Finding(False, "docker stop", "137 after 10.0 s", "0 within 2 s", "Requests are cut off.", "Look at main().")
RESULT = Result(
    Verdict.WRONG, "It was killed.", (GOOD, BAD), "started\nlistening", exercise="container.graceful", seconds=1.24
)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_words_and_a_mark(verdict: Verdict) -> None:
    """Each verdict has its own words, on the page and in the text."""
    mark, words = VERDICTS[verdict]
    card = result_card(replace(RESULT, verdict=verdict))
    assert card.text.startswith(f"{mark} container.graceful: {words} (1.2 s)\nIt was killed.")
    assert words[1:] in card.html
    assert [said for _, said in VERDICTS.values()].count(words) == 1


def test_a_failed_finding_has_all_its_parts() -> None:
    """A failed finding shows all its parts, a passed one is one line."""
    text = as_text(RESULT)
    assert "✓ GET /orders: 200\n" in text
    assert (
        "✗ docker stop\n"
        "    came back       137 after 10.0 s\n"
        "    expected        0 within 2 s\n"
        "    what it means   Requests are cut off.\n"
        "    where to look   Look at main()."
    ) in text
    html = result_card(RESULT).html
    for said in (BAD.called, BAD.got, BAD.expected, BAD.means, BAD.look):
        assert said in html
    assert re.search(r'<li data-passed="true">.*<summary>.*aria-label="as expected".*GET /orders', html, re.DOTALL)
    assert 'aria-label="not as expected"' in html


def test_differing_lines_are_marked_on_both_sides() -> None:
    """A line that the other side lacks is marked, and escaped."""
    card = comparison_card("same\nmine <b>", "same\ntheirs")
    assert "same\n<mark>mine &lt;b&gt;</mark></pre>" in card.html
    assert "same\n<mark>theirs</mark></pre>" in card.html
    assert card.text == "Yours:\nsame\nmine <b>\n\nThe reference:\nsame\ntheirs"


def test_lines_are_wrapped_and_terminal_sequences_written_out() -> None:
    """Long sentences are wrapped under themselves; a container can neither clear nor color the participant's screen."""
    long = replace(BAD, got="\x1b[2Jred\u202etxet\nnext", means="word " * 60)
    text = as_text(replace(RESULT, findings=(long,), output=long.got))
    assert max(len(line) for line in text.split("\n")) <= 88
    assert not set(text) & set("\x1b\u202e")
    assert "came back       \\x1b[2Jred\\u202etxet\n                    next\n" in text


STRANGE = st.text(st.sampled_from("<>&\"'=/ai\n")) | st.sampled_from(["<script>x</script>", "<img src=x onerror=y>"])


@given(STRANGE, st.sampled_from(Verdict), st.booleans())
def test_no_text_becomes_markup(exercise: Exercise, strange: str, verdict: Verdict, passed: bool) -> None:
    """Text of containers and authors is escaped."""

    def pages(text: str) -> list[str]:
        finding = Finding(passed, text, text, text, text, text)
        result = Result(verdict, text, (finding,), text, exercise=text, seconds=0.1)
        odd = exercise.model_copy(update={"title": text, "guidelines": (text,), "id": text})
        shown = [exercise_page(odd, result, (text,), solution=solution_card(text)), result_card(result)]
        return [page.html for page in shown]

    if not strange:
        return
    for odd, plain in zip(pages(strange), pages("x"), strict=True):
        assert re.findall("<[^>]*>", re.sub('"[^"]*"', "", odd)) == re.findall("<[^>]*>", re.sub('"[^"]*"', "", plain))
