"""Who teaches: timetable, desk, seats. No learner's command imports it."""
