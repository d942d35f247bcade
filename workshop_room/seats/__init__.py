"""Seats for people whose laptop has no engine: the server of one seat, its image, and the hub of a room.

A seat is a privileged container with an engine of its own. JupyterHub and its proxy have an environment of their own
(`deploy/room`), which nothing else needs.
"""
