@contextmanager
def environment(**changes: str) -> Iterator[None]:
    """Give these variables these values within the block; afterwards each is as it was before."""
    before = os.environ.copy()
    try:
        os.environ.update(changes)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
