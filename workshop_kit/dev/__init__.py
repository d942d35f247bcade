"""What those who change the workshop need beside it: the lock files, and a browser for the tests."""
