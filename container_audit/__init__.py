"""Audit any image or container: test the 15 factors and the 7 principles from outside. A tool of its own."""
