"""From a bare checkout to a Python environment that can run the rest (standard library only)."""
