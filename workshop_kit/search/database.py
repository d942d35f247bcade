"""DuckDB in memory, asked for reading only: no file, no network, no setting, from any thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.screen import in_lines

MAX_BYTES = 512 * 1024 * 1024
_SAFE: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # or a query could read the notebook's variables
    "temp_directory": "",
    "errors_as_json": "true",
}


def connect() -> duckdb.DuckDBPyConnection:
    """A database in memory that reaches nothing else."""
    made = duckdb.connect(":memory:", config=_SAFE)
    return made.execute("SET TimeZone = 'UTC'").execute("SET lock_configuration = true")


def ask(connection: Any, query: str, parameters: Sequence[object] = (), seconds: float = 30.0) -> pd.DataFrame:
    """The answer to one SELECT, if it comes in time. Raises WorkshopError with what is wrong in it, and where."""
    with connection.cursor() as cursor:
        timer = threading.Timer(seconds, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            kinds = [statement.type.name for statement in cursor.extract_statements(query)]
            if kinds != ["SELECT"]:
                what = f"this has {len(kinds)} statements" if len(kinds) != 1 else f"this is {kinds[0]}"
                raise WrongUsage(f"A log is asked with one SELECT: {what}.", "Write one query that only reads.")
            return _frame(cursor.sql(query, params=list(parameters)).to_arrow_reader())
        except (duckdb.Error, OSError) as error:  # OSError: while the answer is on its way
            if not timer.is_alive():
                raise WorkshopError(f"The query took more than {seconds:g} s.", "Ask for less.") from None
            raise _mistake(_located(cursor, error, query, parameters), query) from None
        finally:
            timer.cancel()


def _frame(reader: Any) -> pd.DataFrame:
    """All of an answer, unless a slip (``FROM logs a, logs b``) made it more than memory should hold."""
    batches, size_bytes = [], 0
    for batch in reader:
        batches.append(batch)
        size_bytes += batch.nbytes
        if size_bytes > MAX_BYTES:
            what = f"The query was stopped: its answer has more than {MAX_BYTES // 2**20} MB."
            raise WorkshopError(what, "Count or group, or end it with LIMIT 1000.")
    table = pa.Table.from_batches(batches, reader.schema)
    frame = pd.DataFrame(dict(enumerate(map(_series, table.columns))))
    return frame.set_axis(pd.Index(table.column_names, dtype=object), axis=1)


def _series(column: Any) -> Any:
    """Times in UTC; whole numbers stay whole where some are missing."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("ns")).to_pandas().dt.tz_localize("UTC")
    if column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return pd.Series(pd.arrays.ArrowExtensionArray(column))
    return (column.cast(pa.float64()) if pa.types.is_decimal(kind) else column).to_pandas()  # a sum is a decimal


def _located(cursor: Any, error: Exception, query: str, parameters: Sequence[object]) -> Exception:
    """The same error with its place in the query, which DuckDB leaves out when it only prepares."""
    try:
        cursor.execute(query, list(parameters))
    except duckdb.Error as again:
        return again
    return error


def _mistake(error: Exception, query: str) -> WorkshopError:
    """What DuckDB says, as one sentence with the line and the character (counted from 1) that it is about."""
    text = str(error)
    told = json.loads(text[text.find("{") :]) if "{" in text else {"exception_message": text}
    said, *more = in_lines(told["exception_message"]).split("\n")  # it may quote what stands in a line
    where = ""
    if "position" in told:
        before = query.encode()[: int(told["position"])].decode("utf-8", "replace")
        where = f" (line {before.count(chr(10)) + 1}, character {len(before) - before.rfind(chr(10))})"
    hint = next((line for line in more if line.startswith("Candidate")), "Correct the query")
    hint = "Ask the table logs" if said.startswith("Table with name") else hint
    return WrongUsage(f"The query cannot be answered: {said.rstrip('.!')}{where}.", f"{hint.rstrip('.')}.")
