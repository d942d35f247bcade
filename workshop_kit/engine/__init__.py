"""Reach Docker, install it, images, containers, the stack, and cleaning up: the edge where Docker is."""
