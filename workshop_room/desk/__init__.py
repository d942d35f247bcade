"""The instructor's desk: inject faults by a click, and show the audience symptoms, never causes.

``controller`` does it, ``presenter_api`` and ``server`` are the presenter's and the audience's page. Each page has a
token of its own: the audience's address opens nothing else.
"""
