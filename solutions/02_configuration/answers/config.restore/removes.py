@contextmanager
def environment(**changes: str) -> Iterator[None]:
    """Give these variables these values within the block; afterwards each is as it was before."""
    os.environ.update(changes)
    try:
        yield
    finally:
        for name in changes:
            os.environ.pop(name, None)
