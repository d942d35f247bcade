"""Tools for maintainers: the test suite's groups and browser, and the generated files."""
