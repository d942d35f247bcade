def advice(method: str) -> str:
    """Return what a customer should do whose request got no answer in time."""
    if method == "POST":
        # The limit may have ended a COMMIT of which only the answer was missing.
        return "The order may have been placed all the same: look at the orders before you try again."
    return "Please try again shortly."
