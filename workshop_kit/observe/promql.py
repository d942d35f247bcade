"""Ask Prometheus in its own language, from a notebook: PromQL → a DataFrame.

Every frame has ``time`` (UTC), ``metric`` (the name; empty where a computation has none), one text column for each
label (empty where a series has no such label, which is the same in PromQL), and ``value`` (float64; NaN and infinities
as Prometheus computed them). A series that had nothing to say at some time has no row for it.
What Prometheus remarked on a query is in ``frame.attrs["notes"]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import httpx
import pandas as pd

from workshop_kit.errors import WorkshopError
from workshop_kit.observe import instants
from workshop_kit.observe.instants import Moment

TIMEOUT_SECONDS = 10.0
TIME_DTYPE = "datetime64[us, UTC]"
NAME = "__name__"
OWN_COLUMNS = ("time", "metric", "value")


class PromQLMistake(WorkshopError):
    """A query that Prometheus does not accept; ``line`` and ``column`` (from 1) say where, if it said so."""

    def __init__(self, said: str, query: str) -> None:
        where, reason = _place_and_reason(said)
        self.line: int | None = where[0] if where else None
        self.column: int | None = where[1] if where else None
        place = f" at line {where[0]}, character {where[1]}" if where else ""
        super().__init__(f"Prometheus does not accept the query{place}: {reason}.", "Correct it and ask again.")
        self.output = _pointing(query, *where) if where else ""


def query(url: str, promql: str, at: Moment | None = None) -> pd.DataFrame:
    """Return what a query gives now, or gave at a time: a row for each series.

    A query for a range (``metric[1m]``) gives a row for each sample in it. Raises PromQLMistake, or WorkshopError if
    Prometheus cannot be asked.
    """
    asked: dict[str, Any] = {"query": promql} | ({} if at is None else {"time": instants.seconds(at)})
    return _frame(_ask(url, "query", asked, promql))


def query_range(url: str, promql: str, start: Moment, end: Moment, step_seconds: float) -> pd.DataFrame:
    """Return what a query gives from start to end, every ``step_seconds``: a row for each series and step.

    Raises PromQLMistake, or WorkshopError if Prometheus cannot be asked or finds the steps too many.
    """
    asked = {"query": promql, "start": instants.seconds(start), "end": instants.seconds(end), "step": step_seconds}
    return _frame(_ask(url, "query_range", asked, promql))


def alerts(url: str) -> pd.DataFrame:
    """Return the alerts that are pending or firing now.

    Columns: ``alert``, ``state``, ``since`` (UTC), ``value``, ``severity``, ``about`` (the other labels, as text), and
    ``summary``.
    """
    rows = []
    for one in _ask(url, "alerts", {})["alerts"]:
        labels = dict(one["labels"])
        name, severity = labels.pop("alertname", ""), labels.pop("severity", "")
        about = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
        summary = one.get("annotations", {}).get("summary", "")
        rows.append((name, one["state"], one["activeAt"], float(one["value"]), severity, about, summary))
    columns = ["alert", "state", "since", "value", "severity", "about", "summary"]
    return _typed(pd.DataFrame(rows, columns=columns), times=["since"], numbers=["value"])


def targets(url: str) -> pd.DataFrame:
    """Return whom Prometheus asks, and how the last time went.

    Columns: ``job``, ``instance``, ``probe`` (of the prober's targets), ``health`` (``up``, ``down``, or ``unknown``
    before the first time), ``asked`` (UTC), ``seconds`` (how long it took), ``error``, ``url``.
    """
    rows = []
    for one in _ask(url, "targets", {"state": "active"})["activeTargets"]:
        labels, never = one["labels"], one["lastScrape"].startswith("0001-")
        rows.append(
            (
                *(labels.get(name, "") for name in ("job", "instance", "probe")),
                one["health"],
                None if never else one["lastScrape"],
                float("nan") if never else one["lastScrapeDuration"],
                one["lastError"],
                one["scrapeUrl"],
            )
        )
    columns = ["job", "instance", "probe", "health", "asked", "seconds", "error", "url"]
    return _typed(pd.DataFrame(rows, columns=columns), times=["asked"], numbers=["seconds"])


def _ask(url: str, what: str, asked: Mapping[str, Any], promql: str | None = None) -> dict[str, Any]:
    """One question to Prometheus' HTTP API; the answer's data, with its remarks as ``notes``."""
    try:
        # trust_env=False: a proxy has no business between this machine and its own containers.
        with httpx.Client(trust_env=False, timeout=TIMEOUT_SECONDS) as client:
            # A long query fits into a form and not into an address.
            address = f"{url}/api/v1/{what}"
            response = client.get(address, params=asked) if promql is None else client.post(address, data=dict(asked))
            said = response.json()
            status = said["status"]
    except httpx.TimeoutException as error:
        raise WorkshopError(f"Prometheus does not answer in time at {url}.", _AGAIN) from error
    except httpx.HTTPError as error:
        raise WorkshopError(f"Prometheus does not answer at {url}.", _AGAIN) from error
    except (ValueError, KeyError, TypeError) as error:
        raise WorkshopError(f"What answers at {url} is not Prometheus.", "Take the URL of the monitoring.") from error
    if status != "success":
        raise _refused(said, promql)
    return {**said["data"], "notes": [*said.get("warnings", ()), *said.get("infos", ())]}


_AGAIN = "Start the monitoring (again): monitoring.start(stack)."


def _refused(said: Mapping[str, Any], promql: str | None) -> WorkshopError:
    reason = str(said.get("error", "it gives no reason"))
    if promql is not None and ("parse error:" in reason or said.get("errorType") == "execution"):
        return PromQLMistake(reason, promql)
    return WorkshopError(f"Prometheus cannot answer: {reason.rstrip('.')}.", "Ask for less, or try again.")


def _place_and_reason(said: str) -> tuple[tuple[int, int] | None, str]:
    """Where a query goes wrong, and why, in a message of Prometheus.

    >>> _place_and_reason('invalid parameter "query": 1:5: parse error: unexpected end of input')
    ((1, 5), 'unexpected end of input')
    """
    found = re.search(r"(\d+):(\d+): parse error: (.*)", said, re.DOTALL)
    if found is None:
        return None, re.sub(r"^.*parse error: ", "", said).strip().rstrip(".")
    return (int(found[1]), int(found[2])), found[3].strip().rstrip(".")


def _pointing(query: str, line: int, column: int) -> str:
    """The line of the query, and below it a mark at the place."""
    lines = query.split("\n")
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    # Prometheus counts bytes, people characters.
    before = text.encode()[: column - 1].decode(errors="ignore")
    return f"{text}\n{' ' * len(before)}^"


def _frame(data: Mapping[str, Any]) -> pd.DataFrame:
    """A vector, matrix or scalar of the API as one table."""
    result = data["result"]
    if data["resultType"] in {"scalar", "string"}:
        result = [{"metric": {}, "value": result}]
    labels = sorted({label for one in result for label in one["metric"]} - {NAME})
    columns: dict[str, list[Any]] = {"time": [], "metric": [], **{_column(label): [] for label in labels}, "value": []}
    for one in result:
        samples = one["values"] if "values" in one else [one["value"]] if "value" in one else []
        columns["time"] += [moment for moment, _ in samples]
        columns["value"] += [_number(value) for _, value in samples]
        columns["metric"] += [one["metric"].get(NAME, "")] * len(samples)
        for label in labels:
            columns[_column(label)] += [one["metric"].get(label, "")] * len(samples)
    columns["time"] = [round(moment * 1000) for moment in columns["time"]]
    frame = pd.DataFrame(columns)
    frame["time"] = pd.to_datetime(frame["time"], unit="ms", utc=True)
    frame = _typed(frame, times=["time"], numbers=["value"])
    frame.attrs["notes"] = list(data["notes"])
    return frame


def _column(label: str) -> str:
    """A label's column; one that is called like a column of ours gets a suffix."""
    return f"{label}_label" if label in OWN_COLUMNS else label


def _number(value: str) -> float:
    """Prometheus writes a number as text; what is a text itself (a query for a string) is no number."""
    try:
        return float(value)
    except ValueError:
        return float("nan")


def _typed(frame: pd.DataFrame, times: Iterable[str], numbers: Iterable[str]) -> pd.DataFrame:
    """The same columns, empty frames too: times in UTC, numbers as float64, the rest as text."""
    for name in times:
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601").astype(TIME_DTYPE)
    texts = [name for name in frame.columns if name not in {*times, *numbers}]
    return frame.astype({**dict.fromkeys(numbers, "float64"), **dict.fromkeys(texts, "str")})
