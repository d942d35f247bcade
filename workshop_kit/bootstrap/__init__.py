"""From a bare checkout to a Python environment for the other packages (standard library only)."""
