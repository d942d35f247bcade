"""A sentence for each error text of a driver that a room cannot read, such as "QueuePool limit of size 5"."""

from __future__ import annotations

import re

SENTENCES = (
    (r"QueuePool limit", "All connections to the database are in use: this request waited for one, and got none."),
    (r"Name or service not known|name resolution|getaddrinfo failed", "No running server has this name."),
    (r"Access denied for user|AuthenticationError", "The server refused the user or the password."),
    (r"Err(?:no|or) 111\b|Connection ?refused", "Nothing listens there: the connection was refused at once."),
    (r"Errno 113\b|No route to host", "No machine answers at this address."),
    (r"Can't connect to MySQL server", "No connection to the database could be opened."),
    (r"Lost connection to MySQL server", "The connection to the database ended before the answer came."),
    (r"Connection reset by peer|Errno 104\b", "The other side ended the connection."),
    (r"network:ConnectionError", "No connection to Redis could be opened, or it ended."),
    (r"TimeoutError\b|Timeout (?:connecting|reading)|timed out", "No answer came within the time limit."),
)
"""Patterns of error texts, each with its sentence; the first that is found counts."""


def sentence_for(line: str) -> str:
    """Return what the error in a log line means; "" for a line without an error that is known here.

    >>> sentence_for('{"error": "TimeoutError()"}')
    'No answer came within the time limit.'
    """
    for pattern, sentence in SENTENCES:
        if re.search(pattern, line):
            return sentence
    return ""
