"""Bring every log line of a session's containers to a bucket without loss.

The main process follows the engine's logs, writes new lines to a volume as parts, and then commits a checkpoint. A
thread uploads the parts and removes them. The collector may be killed at any moment: uncommitted lines are read
again, and a part that may not be in the bucket is uploaded again under the same key.
"""
