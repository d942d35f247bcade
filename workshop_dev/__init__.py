"""Who maintains: test suite, tours, book, site, and what is generated. It is in no wheel."""
