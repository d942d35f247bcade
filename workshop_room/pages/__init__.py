"""Pages made of lessons: notes, handouts, and lessons to read ahead."""
