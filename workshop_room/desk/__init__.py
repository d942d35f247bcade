"""The instructor's desk: breaks the stack by a click, and shows the audience symptoms, never causes.

``controller`` acts on the stack and measures it, ``demo`` is the script, ``presenter_api`` and ``server`` are the
presenter's and the audience's page. Each page has a token of its own: the audience's address opens nothing else.
"""
