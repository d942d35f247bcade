"""The service of the workshop: orders over MariaDB and Redis. One concern, one file, one screen."""
