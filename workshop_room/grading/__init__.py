"""Grade what people handed in, by its effect: `submission` reads it, `worker` judges it, `report` shows the table."""
