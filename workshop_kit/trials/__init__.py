"""What a check works with: a container on trial, its database, what a result says."""
