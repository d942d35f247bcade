"""A running container to data: what it answers, says and uses, seen from outside."""
