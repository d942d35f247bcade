"""Faults and load for containers that this workspace made; every fault is reverted."""
