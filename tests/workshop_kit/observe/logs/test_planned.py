"""The fast way and the careful one: whatever the lines, they give the same frame."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workshop_kit.observe import logs
from workshop_kit.observe.logs import parsing
from workshop_kit.observe.logs.cutting import cut
from workshop_kit.observe.logs.lines import Lines, all_unquoted, unquoted
from workshop_kit.observe.logs.planned import planned
from workshop_kit.observe.logs.plans import Plan
from workshop_kit.observe.logs.schema import FLOAT, INT, TEXT
from workshop_kit.observe.logs.values import typed

STAMP = "2026-11-24T16:06:14.797497811Z"
TYPES = {"ts": "time", "level": "text", "logger": "text", "msg": "text", "status": "int", "ms": "float", "ok": "bool"}
PLAN = Plan(tuple(TYPES), ",", ":")

TEXTS = st.text(max_size=20) | st.sampled_from(
    ["", "info", "x" * 700, "\\", '"', '\\"', "a\\", '","msg":"', "}", '"}', ",", "\x00", "\t", "\x7f", "é", "日",
     "\ufffd", "\u2028", "<b>&", "null", "5", "2026-11-24T16:06:14Z", "x" * 8, "x" * 16, "x" * 17, "a:b,c"]
)  # fmt: skip
WRITTEN = TEXTS.map(json.dumps) | TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False))
HOSTILE = st.sampled_from(
    ["NaN", "-Infinity", "01", "-01", "0X1", "0x1F", "+1", "1.", ".5", "-.5", "1.e5", "1e400", "-0", "0", "1e3", "1E+5",
     "9223372036854775807", "9223372036854775808", "9007199254740993.0", "1" * 40, "-", "", " 1", "1 ", "truex", "tru",
     "True", "nul", "[]", "{}", "[1,2]", '{"a":"b"}', '"\\x"', '"\\u12"', '"\\ud800"', '"\\u0022"', '"\\u005c"',
     '"a', 'a"', '"\t"', '"\x01"', '"a"b"', '"\\"', '"\\\\"', '"\\\\\\"', "'a'",
     '"2026-02-30T00:00:00Z"', '"2026-11-24 16:06:14.5-01:00"', '"2026-11-24T16:06:14"', '"2026-11-24T16:06Z"',
     '"2026-11-24T16:06:60Z"', '"2026-11-24T16:06:14+0000"']
)  # fmt: skip
VALUES = (
    WRITTEN
    | HOSTILE
    | st.integers().map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(json.dumps)
    | st.sampled_from(["true", "false", "null", '"info"', '"2026-11-24T16:06:14.5Z"'])
)
USUAL = {
    "ts": f'"{STAMP}"', "level": '"info"', "logger": '"a"', "msg": '"hello"', "status": "200", "ms": "0.5",
    "ok": "true",
}  # fmt: skip
KEYS = st.sampled_from([*TYPES, "other", "Level", 'm"', "raw"])


@st.composite
def lines(draw: Any) -> str:
    """A line as a program writes it, but for a few things."""
    pairs = [(key, value) for key, value in USUAL.items() if draw(st.integers(0, 4))]
    for _ in range(draw(st.integers(0, 2))):
        pair = (draw(KEYS), draw(VALUES))
        places = [number for number, (key, _) in enumerate(pairs) if key == pair[0]]
        if places and draw(st.booleans()):
            pairs[places[0]] = pair
        else:
            pairs.insert(draw(st.integers(0, len(pairs))), pair)
    comma, colon = draw(st.sampled_from([(",", ":")] * 6 + [(", ", ": "), (" ,", ":")]))
    text = "{" + comma.join(f"{json.dumps(key)}{colon}{value}" for key, value in pairs) + "}"
    end = draw(st.sampled_from([""] * 8 + ["\r", " ", "}", "x", ",", "\x00"]))
    return str(draw(st.sampled_from([text + end] * 8 + [text[:-1], "", "Traceback", "null", "}", text[1:]])))


USUAL_LINE = "{" + ",".join(f'"{key}":{value}' for key, value in USUAL.items()) + "}"
FILES = st.lists(lines() | st.just(USUAL_LINE), max_size=25)


@contextmanager
def nothing_planned() -> Iterator[None]:
    """Every line goes the careful way."""

    def none(found: Lines, plan: Plan, types: Any, _: Any) -> Any:
        fast = planned(found, Plan((), plan.comma, plan.colon), types)
        assert fast.odd.all()
        return fast

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "planned", none)
        yield


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Both frames to the last value and type (but for the order in ``rest``), and what they say of themselves."""
    for frame in (one, other):
        frame["rest"] = [
            None if pd.isna(text) else json.dumps(json.loads(text), sort_keys=True) for text in frame["rest"]
        ]
    pd.testing.assert_frame_equal(one, other)
    assert one.attrs == other.attrs


@settings(max_examples=40, deadline=None)
@given(FILES, st.booleans())
def test_lines_read_either_way_are_the_same(texts: list[str], ended: bool) -> None:
    """Plain lines, hostile ones among usual ones."""
    data = ("\n".join(texts) + "\n" * ended).encode("utf-8", "replace")
    fast = logs.read_lines(data)
    with nothing_planned():
        same(fast, logs.read_lines(data))


@settings(max_examples=40, deadline=None)
@given(FILES, st.booleans(), st.booleans(), st.data())
def test_records_read_either_way_are_the_same(texts: list[str], plain: bool, raw: bool, data: st.DataObject) -> None:
    """The same in the engine's records, as Go and as Python write them; some with what no string may hold."""
    records = []
    for text in texts:
        quoted = json.dumps(text + "\n", ensure_ascii=not plain).replace("<", "\\u003c")
        if raw and data.draw(st.integers(0, 9)) == 0:
            place = data.draw(st.integers(1, len(quoted) - 1))
            quoted = (
                quoted[:place] + data.draw(st.sampled_from(['"', "\\", "\t", "\\u0022", "\\u005c"])) + quoted[place:]
            )
        records.append(f'{{"log":{quoted},"stream":"stdout","time":"{STAMP}"}}\n')
    content = "".join(records).encode("utf-8", "replace")
    fast = logs.read_json_file(content)
    with nothing_planned():
        same(fast, logs.read_json_file(content))


def found(data: bytes, quoted: bool = False) -> Any:
    """What the plan finds in some lines."""
    known = cut(data)
    return planned(Lines(known.data, known.starts, known.ends - quoted, quoted), PLAN, TYPES)


def test_what_is_written_as_planned_needs_nobody_else() -> None:
    """Fields may be missing or null, text may be escaped; the first line and the last one are like the others."""
    usual = [
        '{"ts":"2026-11-24T16:06:14Z","level":"info","logger":"a","msg":"hello","status":200,"ms":0.5,"ok":true}',
        '{"level":"info","msg":"say \\"hello\\" \\\\ \\u00e9\\n"}',
        '{"ts":null,"logger":null,"status":null,"ok":false}',
        '{"msg":""}',
        '{"ok":true}',
    ]
    for data in ("\n".join(usual), "\r\n".join(usual) + "\r\n", usual[1], usual[4]):
        assert not found(data.encode()).odd.any()
    fast = found("\n".join(usual).encode())
    assert fast.columns["msg"].to_pylist() == ["hello", 'say "hello" \\ é\n', None, "", None]
    assert fast.columns["ok"].to_pylist() == [True, None, False, None, True]
    assert fast.seen["ts"] == {"text": 1, "": 1}
    quoted = "".join(json.dumps(text + "\n")[1:-1] + "\n" for text in usual).encode()
    assert not found(quoted, quoted=True).odd.any()


@pytest.mark.parametrize(
    "line",
    [
        '{"msg":"a","msg":"b"}', '{"msg":"a","other":1}', '{"other":1,"msg":"a"}', '{"msg":"a"}}', '{"msg":"a"',
        '{"status":"200"}', '{"status":2.0}', '{"status":007}', '{"status":0X1}', '{"ok":1}', '{"ms":1.}', '{"ms":NaN}',
        '{"msg":"\t"}', '{"msg":"\\x"}', '{"msg":"\\ud800"}', '{"msg":5}', '{"ts":"today"}', '{"msg":"a",}',
        "{}", "", "}",
        '{"status":200,"msg":"the other way round"}', '{"msg": "a"}', '{"ts":"2026-11-24T16:06Z"}',
    ],
)  # fmt: skip
def test_what_is_not_as_planned_is_left_to_others(line: str) -> None:
    """One thing that is not as planned, and the whole line is judged by others; its neighbors are not."""
    usual = '{"msg":"a","status":1,"ms":0.5}'
    assert found(f"{usual}\n{line}\n{usual}\n".encode()).odd.tolist() == [False, True, False]


def test_most_lines_of_a_log_are_read_as_planned() -> None:
    """A plan is learned from what is there: fields that are sometimes missing, one that comes late, spaces or none."""
    for comma, colon in ((",", ":"), (", ", ": ")):
        lines = [
            {"ts": STAMP, "msg": f"n {n}"} | ({"n": n} if n % 3 else {}) | ({"late": True} if n > 3_000 else {})
            for n in range(6_000)
        ]
        data = "".join(json.dumps(one, separators=(comma, colon)) + "\n" for one in lines).encode()
        odd: list[Any] = []

        def counted(*args: Any, odd: list[Any] = odd) -> Any:
            fast = planned(*args)
            odd.append(np.count_nonzero(fast.odd))
            return fast

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parsing, "planned", counted)
            with logs.Reader() as reader:
                for start in range(0, len(lines), 1_000):
                    reader.feed(b"".join(data.splitlines(keepends=True)[start : start + 1_000]))
                assert len(reader.frame()) == len(lines)
        assert sum(count == 0 for count in odd) == 6
        assert len(odd) in (7, 8)  # once more for the field that came late, in each block that was begun before


@pytest.mark.parametrize("count", [3, 400])
def test_what_is_no_record_is_not_read_as_planned(count: int) -> None:
    """A line of a json-file that is an object, but no record of the engine's: text, however many are like it."""
    record = json.dumps({"log": USUAL_LINE + "\n", "stream": "stdout", "time": STAMP}, separators=(",", ":"))
    frame = logs.read_json_file(((record + "\n") * 9 + '{"msg":"a"}\n').encode() * count)
    assert frame.attrs["reasons"] == {"not a record of the engine's": count}
    assert (frame["raw"].dropna() == '{"msg":"a"}').all()


@pytest.mark.parametrize("quoted", [False, True])
def test_a_value_that_is_nearly_always_the_same(quoted: bool) -> None:
    """It is looked for as a whole; where it is another one, longer, shorter, null, not there, or no text: as it is."""
    others: list[Any] = ["other", "stdoutX", "std", "", None, ..., 7, 'a "quote"', "stdout\\"]
    values = [others[n // 50 % len(others)] if n % 50 == 0 else "stdout" for n in range(1_000)]
    lines = [{"n": n, **({} if one is ... else {"level": one, "out": one}), "m": n} for n, one in enumerate(values)]
    texts = [json.dumps(line, separators=(",", ":")) + "\n" for line in lines]
    data = [json.dumps(text)[1:-1].encode() if quoted else text.encode() for text in texts]
    ends = np.cumsum([len(one) for one in data])
    found = Lines(b"".join(data), np.concatenate([[0], ends[:-1]]), ends, quoted)
    types = {"n": INT, "level": TEXT, "out": TEXT, "m": INT}
    fast = planned(found, Plan(tuple(types), ",", ":", (("level", "stdout"), ("out", "stdout"))), types)
    assert fast.odd.tolist() == [one == 7 for one in values]
    for key in ("level", "out"):
        wanted = [None if one in (..., 7) else one for one in values]
        assert fast.columns[key].to_pylist() == wanted
    assert fast.columns["m"].to_pylist() == [None if one == 7 else n for n, one in enumerate(values)]


def test_what_was_the_same_so_far_may_change() -> None:
    """A plan is learned from the first block: what is written otherwise later is read all the same."""
    lines = [{"ts": STAMP, "n": n, "out": "stderr" if n > 900 and n % 7 else "stdout"} for n in range(2_000)]
    with logs.Reader() as reader:
        for start in range(0, len(lines), 100):
            reader.feed("".join(json.dumps(one) + "\n" for one in lines[start : start + 100]).encode())
        frame = reader.frame()
    assert frame["out"].tolist() == [line["out"] for line in lines]
    assert frame["reason"].isna().all()


@given(contents=st.lists(st.text('",[]{}:\\\nabn').map(str.encode), max_size=6))
@example(contents=[b'a",["b', b"c", b'd"],"e'])  # three strings of JSON, or three of something else
def test_many_strings_at_once_say_what_each_one_says(contents: list[bytes]) -> None:
    """Whatever is in them: none takes its neighbor for a part of itself, or two for one."""
    assert all_unquoted(contents) == [unquoted(one) for one in contents]


@pytest.mark.parametrize("quoted", [False, True])
def test_data_may_end_anywhere(quoted: bool) -> None:
    """Behind each byte of its last line, behind a quote too: that line is left to others, and nothing else is."""
    types, plan = {"id": TEXT, "n": INT, "route": TEXT}, Plan(("id", "n", "route"), ",", ":")
    lines = [f'{{"id":"{n:016x}","n":{n},"route":"{n:016d}"}}\n' for n in range(50)]
    texts = [json.dumps(line)[1:-1] if quoted else line for line in lines]
    size = len(texts[0])
    data = "".join(texts).encode()
    assert {len(text) for text in texts[10:]} == {size + 1}
    for end in range(len(data) - size, len(data)):
        sizes = [len(text) for text in texts]
        ends = np.minimum(np.cumsum(sizes), end)
        found = planned(Lines(data[:end], np.cumsum(sizes) - sizes, ends, quoted), plan, types)
        whole = texts[-1][: end - len(data)].endswith(("}", "}\\n" if quoted else "}\n"))
        assert found.odd.tolist() == [False] * 49 + [not whole], end


def test_fractions_are_numbers_of_json_and_nothing_else() -> None:
    """Every text of up to four of these letters, beside a usual number: Arrow takes .5, 1. and 1.e5, JSON does not."""
    json_number = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
    for size in range(1, 5):
        for letters in itertools.product("01-.e+n", repeat=size):
            text = "".join(letters)
            found, odd = typed(pa.array([text, "1.5"]), FLOAT)
            assert (0 not in odd) == bool(json_number.fullmatch(text)), text
            if 0 not in odd:
                assert found[0].as_py() == float(text)
