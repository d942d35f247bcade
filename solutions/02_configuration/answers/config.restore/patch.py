def environment(**changes: str):
    """Give these variables these values within the block; afterwards each is as it was before."""
    from unittest.mock import patch

    return patch.dict(os.environ, changes)
