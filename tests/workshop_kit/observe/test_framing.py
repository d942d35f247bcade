"""The engine's bytes to lines: nothing lost, wherever the chunks are cut, whatever the container wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from workshop_kit.observe.framing import Frames, Terminal
from workshop_kit.observe.joining import MAX_LINE_BYTES, SPLIT_BYTES, Line, Lines

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
# Written text: any character but the line feed, those included that str.splitlines() would split on.
COUNT = st.integers(0, 9000)
TEXT = st.one_of(
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=40),
    st.builds(
        lambda text, times: text * times, st.text("ab é\x85\u2028", min_size=1, max_size=9), st.integers(0, 9000)
    ),
)
WRITTEN = st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), TEXT), max_size=8)


def stamp(number: int) -> bytes:
    """The engine's timestamp of the line of that number."""
    return (START + timedelta(milliseconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%f").encode() + b"789Z "


def parts(text: bytes) -> Iterator[bytes]:
    """How the engine splits a line with its end: at 16 KiB."""
    for start in range(0, len(text), SPLIT_BYTES):
        yield text[start : start + SPLIT_BYTES]


def frame(stream: str, message: bytes) -> bytes:
    """A message with its header."""
    return bytes([{"stdout": 1, "stderr": 2}[stream], 0, 0, 0]) + len(message).to_bytes(4, "big") + message


def multiplexed(written: list[tuple[str, str]], last_end: bytes = b"\n") -> bytes:
    """The stream the engine sends for what a container without a terminal wrote."""
    stream = b""
    for number, (name, text) in enumerate(written):
        end = last_end if number == len(written) - 1 else b"\n"
        for part in parts(text.encode() + end):
            stream += frame(name, stamp(number) + part)
    return stream


def terminal(texts: list[str]) -> bytes:
    """The stream the engine sends for what a container with a terminal wrote."""
    raw = b""
    for number, text in enumerate(texts):
        raw += b"".join(stamp(number) + part for part in parts(text.encode() + b"\r\n"))
    return raw


def lines_of(data: bytes, sizes: list[int], *, with_terminal: bool = False, cap: int = MAX_LINE_BYTES) -> list[Line]:
    """Feed the bytes in chunks of these sizes, over and over."""
    frames = Terminal() if with_terminal else Frames()
    lines = Lines(terminal=with_terminal, max_line_bytes=cap)
    found: list[Line] = []
    start = turn = 0
    while start < len(data):
        size = sizes[turn % len(sizes)]
        for piece in frames.feed(data[start : start + size]):
            found += lines.feed(piece)
        start, turn = start + size, turn + 1
    for piece in frames.end():
        found += lines.feed(piece)
    return [*found, *lines.end()]


SIZES = st.lists(st.one_of(st.integers(1, 60), st.integers(1000, 70000)), min_size=1, max_size=5).filter(
    lambda sizes: max(sizes) > 999 or sum(sizes) > 20
)


@settings(deadline=None, max_examples=200)
@given(WRITTEN, SIZES)
def test_lines_come_back_as_they_were_written(written: list[tuple[str, str]], sizes: list[int]) -> None:
    """Text, stream, time and order survive, with the parts of long lines joined."""
    found = lines_of(multiplexed(written), sizes)
    assert [(line.stream, line.text) for line in found] == written
    assert [line.time for line in found] == [
        START + timedelta(milliseconds=n, microseconds=0) for n in range(len(found))
    ]
    assert [line.pieces for line in found] == [len(list(parts(text.encode() + b"\n"))) for _, text in written]


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXT, max_size=8), SIZES)
def test_a_terminals_lines_come_back_as_they_were_written(texts: list[str], sizes: list[int]) -> None:
    """The carriage return that the terminal added is gone, the timestamps inside long lines too."""
    found = lines_of(terminal(texts), sizes, with_terminal=True)
    assert [line.text for line in found] == texts
    assert {line.stream for line in found} <= {"stdout"}


@settings(deadline=None)
@given(st.binary(max_size=400), SIZES, st.booleans())
def test_garbage_never_raises(data: bytes, sizes: list[int], with_terminal: bool) -> None:
    """A stream that is no stream of messages gives some lines, or none."""
    lines_of(data, sizes, with_terminal=with_terminal)


@settings(deadline=None)
@given(st.binary(max_size=200).filter(lambda data: b"\n" not in data), SIZES)
def test_bytes_that_are_not_text_are_counted(data: bytes, sizes: list[int]) -> None:
    """Every replacement character in the text is counted."""
    (line,) = lines_of(frame("stdout", stamp(0) + data + b"\n"), sizes)
    assert line.text == data.decode(errors="replace")
    assert line.replaced == line.text.count("\ufffd")


def test_streams_do_not_mix() -> None:
    """A long line on stdout goes on after a line on stderr came between its parts."""
    long = b"x" * (SPLIT_BYTES + 5) + b"\n"
    first, second = parts(long)
    data = (
        frame("stdout", stamp(0) + first) + frame("stderr", stamp(1) + b"oops\n") + frame("stdout", stamp(0) + second)
    )
    assert [(line.stream, len(line.text)) for line in lines_of(data, [7])] == [
        ("stderr", 4),
        ("stdout", SPLIT_BYTES + 5),
    ]


def test_what_a_stop_cut_short_is_a_line_of_its_own() -> None:
    """A run that ended without a line end is not joined with the first line of the next run: its timestamp differs."""
    data = frame("stdout", stamp(0) + b"going dow") + frame("stdout", stamp(9) + b"hello again\n")
    assert [line.text for line in lines_of(data, [1000])] == ["going dow", "hello again"]
    assert lines_of(multiplexed([("stdout", "no end")], b""), [3])[0].text == "no end"


def test_parts_with_times_of_their_own_are_joined_by_their_length() -> None:
    """An engine that stamps every part anew still gives whole lines."""
    data = frame("stdout", stamp(0) + b"y" * SPLIT_BYTES) + frame("stdout", stamp(1) + b"end\n")
    assert [len(line.text) for line in lines_of(data, [500])] == [SPLIT_BYTES + 3]


def test_a_stream_without_timestamps_has_no_times() -> None:
    """The text stays whole, the time is None; a word is not taken for a time."""
    (line,) = lines_of(frame("stderr", b"2026 was good\n"), [4])
    assert line == Line("stderr", "2026 was good")
    assert lines_of(b"hello there\r\n", [4], with_terminal=True) == [Line("stdout", "hello there")]


def test_a_line_over_the_cap_is_cut_and_says_by_how_much() -> None:
    """Memory is bounded: what is kept ends at a whole character, and nothing of the next line is lost."""
    written = [("stdout", "é" * 50_000), ("stdout", "next")]
    cut, after = lines_of(multiplexed(written), [4096], cap=1001)
    assert (cut.text, cut.cut_bytes, cut.replaced) == ("é" * 500, 100_000 - 1000, 0)
    assert after.text == "next"
    cut, after = lines_of(terminal([text for _, text in written]), [4096], cap=1001, with_terminal=True)
    assert cut.text == "é" * 500
    assert after.text == "next"


def test_a_cap_holds_while_the_line_grows() -> None:
    """A line without an end does not fill the memory: no more than cap and one message is kept."""
    frames, lines = Terminal(), Lines(terminal=True, max_line_bytes=10_000)
    for _ in range(100):
        for piece in frames.feed(b"z" * 100_000):
            assert list(lines.feed(piece)) == []
            assert len(piece.data) <= 200_000
    (line,) = [*(line for piece in frames.end() for line in lines.feed(piece)), *lines.end()]
    assert (len(line.text), line.cut_bytes) == (10_000, 10_000_000 - 10_000)


def test_short_parts_are_joined_by_their_time() -> None:
    """An engine that splits earlier than at 16 KiB still gives whole lines: the parts of a line have one timestamp."""
    data = frame("stdout", stamp(0) + b"one ") + frame("stdout", stamp(0) + b"line\n")
    (line,) = lines_of(data, [5])
    assert (line.text, line.pieces) == ("one line", 2)


@settings(deadline=None)
@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=4), SIZES)
def test_a_terminals_parts_may_have_any_length(lengths: list[int], sizes: list[int]) -> None:
    """Also parts longer than what is held back to find their end: no timestamp stays in the text, none is cut."""
    data = b"".join(stamp(0) + b"w" * length for length in lengths) + b"\r\n" + stamp(1) + b"next\r\n"
    line, after = lines_of(data, sizes, with_terminal=True)
    assert line.text == "w" * sum(lengths)
    assert line.pieces == len(lengths)
    assert after.text == "next"


def test_a_timestamp_may_arrive_in_two_halves() -> None:
    """Wherever the stream is cut around the seam of two parts, the timestamp is known as one."""
    first = stamp(0) + b"w" * 70_000
    data = first + stamp(0) + b"end" * 100 + b"\r\n"
    for cut in range(len(first) - 45, len(first) + 45):
        (line,) = lines_of(data, [cut, len(data)], with_terminal=True)
        assert (line.text, line.pieces) == ("w" * 70_000 + "end" * 100, 2)
