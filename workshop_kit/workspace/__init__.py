"""The participant's folder: its lessons, exercises and service files, and how they are copied and merged."""
