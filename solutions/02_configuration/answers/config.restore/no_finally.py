@contextmanager
def environment(**changes: str) -> Iterator[None]:
    """Give these variables these values within the block; afterwards each is as it was before."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name)
        else:
            os.environ[name] = value
