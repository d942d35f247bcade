"""For maintainers: test suite, tours, book, site, and generated files. No wheel includes it."""
