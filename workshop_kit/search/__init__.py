"""The log explorer: find lines by words, levels and time."""
