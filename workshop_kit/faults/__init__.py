"""Load and faults, on purpose, on our own containers only, and always undone."""
