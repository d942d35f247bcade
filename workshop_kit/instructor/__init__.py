"""The instructor's desk: break the service on stage with one click, and show the room what happens, not what was done.

``stage`` is what can be done, ``server`` two pages over it: the presenter's, with every button, and the audience's,
which shows symptoms alone. Each has a token of its own, so the audience's address opens nothing else.
"""
