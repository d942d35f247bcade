"""Seats for people whose laptop has no engine: the server of one seat, and its image.

A seat is a privileged container with an engine of its own. `deploy/room` has the hub of a room, `deploy/cluster` that
of a cluster.
"""
