"""SQL over Arrow tables, reading only: no file, no network, no setting, from any thread."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

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
}
_CARET = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)


class Database:
    """Answers queries over tables that are handed in with each; a cursor a query, so threads do not meet."""

    def __init__(self) -> None:
        self._root = duckdb.connect(":memory:", config=_SAFE)
        self._root.execute("SET TimeZone = 'UTC'")
        self._root.execute("SET lock_configuration = true")

    def close(self) -> None:
        """Free its memory."""
        self._root.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _v: BaseException | None, _b: TracebackType | None) -> None:
        self.close()

    def ask(
        self,
        query: str,
        parameters: Sequence[object] = (),
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        max_bytes: int = MAX_BYTES,
        **tables: Any,
    ) -> Any:
        """The answer to one query as an Arrow table. Raises WorkshopError with what is wrong in it, and where."""
        with self._root.cursor() as cursor:
            for name, table in tables.items():
                cursor.register(name, table)
            expired = threading.Event()

            def interrupt() -> None:
                expired.set()
                cursor.interrupt()

            timer = threading.Timer(timeout_seconds, interrupt)
            timer.daemon = True
            timer.start()
            try:
                _refuse_writing(cursor, query)
                return _bounded(cursor.sql(query, params=list(parameters)).to_arrow_reader(_BATCH_ROWS), max_bytes)
            except (duckdb.Error, OSError) as error:  # OSError: while the answer is on its way
                if expired.is_set():
                    raise WorkshopError(
                        f"The query was stopped: it took more than {timeout_seconds:g} s.", "Ask for less."
                    ) from None
                raise mistake(_located(cursor, error, query, parameters), query) from None
            finally:
                timer.cancel()


def _bounded(reader: Any, max_bytes: int) -> Any:
    """All of an answer, unless a slip (``FROM logs a, logs b``) made it more than memory should hold."""
    batches, size_bytes = [], 0
    for batch in reader:
        batches.append(batch)
        size_bytes += batch.nbytes
        if size_bytes > max_bytes:
            raise WorkshopError(
                f"The query was stopped: its answer has more than {max_bytes // 2**20} MB.",
                "Count or group, or end it with LIMIT 1000.",
            )
    return pa.Table.from_batches(batches, reader.schema)


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


def _refuse_writing(cursor: duckdb.DuckDBPyConnection, query: str) -> None:
    kinds = [statement.type for statement in cursor.extract_statements(query)]
    if kinds != [duckdb.StatementType.SELECT]:
        what = f"this has {len(kinds)} statements" if len(kinds) != 1 else f"this is {kinds[0].name}"
        raise WrongUsage(f"A log is asked with one SELECT: {what}.", "Write one query that only reads.")


def mistake(error: Exception, query: str) -> WorkshopError:
    """What DuckDB says, as one sentence with the line and the character (counted from 1) it points at."""
    text = str(error)
    said, *more = in_lines(text.split("\n\n", 1)[0]).split("\n")  # it may quote what stands in a line
    said = re.sub(r"^(Binder|Parser|Catalog) Error: ", "", said).rstrip(".!")
    found = _CARET.search(text)
    where, output = "", ""
    if found:
        where = f" (line {found[1]}, character {_character(found, query)})"
        output = in_lines(found[0])
    if re.match("Table with name .* does not exist", said):
        return WrongUsage(f"The query cannot be answered: {said}{where}.", "Ask the table logs.", output=output)
    hint = " ".join(line for line in more if line.startswith(("Did you mean", "Candidate")))
    next_step = f"{hint.rstrip('?.')}?" if hint.startswith("Did") else f"{hint}." if hint else "Correct the query."
    return WrongUsage(f"The query cannot be answered: {said}{where}.", next_step, output=output)


def _character(found: re.Match[str], query: str) -> int:
    """Where the caret points; of a long line DuckDB shows only a part, between dots."""
    shown = found[2]
    at = _at_width(shown, len(found[3]) - len(f"LINE {found[1]}: "))
    if not shown.startswith("..."):
        return at + 1
    lines = query.split("\n")
    line = lines[int(found[1]) - 1] if int(found[1]) <= len(lines) else ""
    return max(0, line.find(shown.strip("."))) + at - 3 + 1


def _at_width(text: str, width: int) -> int:
    """The character at a place on the screen, as DuckDB counts: a tab takes none, an ideograph two."""
    for at, character in enumerate(text):
        takes = 0 if unicodedata.category(character) in {"Cc", "Mn"} else 1
        if width <= 0 and takes:
            return at
        width -= 2 if unicodedata.east_asian_width(character) in {"W", "F"} else takes
    return len(text)


def frame_of(table: Any) -> pd.DataFrame:
    """An answer as a DataFrame: times in UTC, whole numbers stay whole where some are missing."""
    columns: dict[int, Any] = {}
    for number, column in enumerate(table.columns):
        kind = column.type
        if pa.types.is_timestamp(kind):
            columns[number] = column.cast(pa.timestamp("ns")).to_pandas().dt.tz_localize("UTC")
        elif column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
            columns[number] = pd.Series(pd.arrays.ArrowExtensionArray(column))
        elif pa.types.is_decimal(kind):  # a sum of whole numbers
            columns[number] = column.cast(pa.float64()).to_pandas()
        else:
            columns[number] = column.to_pandas()
    frame = pd.DataFrame(columns)
    frame.columns = pd.Index(table.column_names, dtype=object)
    return frame


def types_of(description: Any) -> Mapping[str, str]:
    """Name → type, of DuckDB's DESCRIBE."""
    return dict(zip(description["column_name"].to_pylist(), description["column_type"].to_pylist(), strict=True))
