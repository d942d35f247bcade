"""Bring every line that the containers of one session write to a bucket, and lose none.

One process follows the engine's logs, writes what it read to a volume as parts, and then the checkpoint that makes them
count; a thread uploads the parts and removes them. It may be killed at any moment: what is not committed is read again,
and what is not known to be in the bucket is uploaded again under the same key.
"""
