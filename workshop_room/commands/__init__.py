"""The commands of who teaches: a module for each group."""
