"""Exercises: stated, checked against the live service, hinted at, solved, reset."""
