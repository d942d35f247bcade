"""DuckDB in memory, asked for reading only: no file, no network, no setting, from any thread."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.screen import in_lines

TIMEOUT_SECONDS = 30.0
MAX_BYTES = 512 * 1024 * 1024
_BATCH_ROWS = 65_536
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
    connection = duckdb.connect(":memory:", config=_SAFE)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET lock_configuration = true")
    return connection


def ask(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[object] = (),
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> pd.DataFrame:
    """The answer to one SELECT. Raises WorkshopError with what is wrong in it, and where."""
    with connection.cursor() as cursor:
        expired = threading.Event()

        def stop() -> None:
            expired.set()
            cursor.interrupt()

        timer = threading.Timer(timeout_seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            kinds = [statement.type.name for statement in cursor.extract_statements(query)]
            if kinds != ["SELECT"]:
                what = f"this has {len(kinds)} statements" if len(kinds) != 1 else f"this is {kinds[0]}"
                raise WrongUsage(f"A log is asked with one SELECT: {what}.", "Write one query that only reads.")
            return _bounded_frame(cursor.sql(query, params=list(parameters)).to_arrow_reader(_BATCH_ROWS))
        except (duckdb.Error, OSError) as error:  # OSError: while the answer is on its way
            if expired.is_set():
                raise WorkshopError(
                    f"The query was stopped: it took more than {timeout_seconds:g} s.", "Ask for less."
                ) from None
            raise _mistake(_located(cursor, error, query, parameters), query) from None
        finally:
            timer.cancel()


def _bounded_frame(reader: Any) -> pd.DataFrame:
    """All of an answer, unless a slip (``FROM logs a, logs b``) made it more than memory should hold.

    Times are in UTC, and whole numbers stay whole where some are missing.
    """
    batches, size_bytes = [], 0
    for batch in reader:
        batches.append(batch)
        size_bytes += batch.nbytes
        if size_bytes > MAX_BYTES:
            raise WorkshopError(
                f"The query was stopped: its answer has more than {MAX_BYTES // 2**20} MB.",
                "Count or group, or end it with LIMIT 1000.",
            )
    table = pa.Table.from_batches(batches, reader.schema)
    frame = pd.DataFrame(dict(enumerate(map(_series, table.columns))))
    return frame.set_axis(pd.Index(table.column_names, dtype=object), axis=1)


def _series(column: Any) -> Any:
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("ns")).to_pandas().dt.tz_localize("UTC")
    if column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return pd.Series(pd.arrays.ArrowExtensionArray(column))
    return (column.cast(pa.float64()) if pa.types.is_decimal(kind) else column).to_pandas()  # a sum is a decimal


def _located(
    cursor: duckdb.DuckDBPyConnection, error: Exception, query: str, parameters: Sequence[object]
) -> Exception:
    """The same error with the place in the query, which DuckDB leaves out when it only prepares."""
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException):
        try:
            cursor.execute(query, list(parameters))
        except duckdb.Error as again:
            return again
    return error


def _mistake(error: Exception, query: str) -> WorkshopError:
    """What DuckDB says, as one sentence with the line and the character (counted from 1) that it is about."""
    text = str(error)
    try:
        told = json.loads(text[text.find("{") :])
    except ValueError:
        told = {"exception_message": text}
    said, *more = in_lines(str(told["exception_message"])).split("\n")  # it may quote what stands in a line
    sentence = f"The query cannot be answered: {said.rstrip('.!')}"
    if "position" in told:
        before = query.encode()[: int(told["position"])].decode("utf-8", "replace")
        sentence += f" (line {before.count(chr(10)) + 1}, character {len(before) - before.rfind(chr(10))})"
    if re.match("Table with name .* does not exist", said):
        return WrongUsage(f"{sentence}.", "Ask the table logs.")
    hint = next((line.rstrip("?.") for line in more if line.startswith(("Did you mean", "Candidate"))), "")
    end = "?" if hint.startswith("Did") else "."
    return WrongUsage(f"{sentence}.", f"{hint}{end}" if hint else "Correct the query.")
