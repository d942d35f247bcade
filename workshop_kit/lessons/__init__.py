"""What a lesson gives its reader: predictions, tools that look at a container, displays, and what stays afterwards."""
