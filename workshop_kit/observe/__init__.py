"""A running container as data, seen from outside: answers, logs, statistics, events, files."""
