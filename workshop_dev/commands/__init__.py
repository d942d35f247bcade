"""The commands of maintainers and authors: a module for each group."""
