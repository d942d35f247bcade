"""Take every line that the containers of one session write to a bucket, and lose none.

Two processes share a folder that outlives them. The *reader* follows the engine's logs and leaves parts: files of
lines, one for each service and hour. The *uploader* puts parts into the bucket and removes them. Either may be killed
at any moment: what is not committed is read again, what is not known to have arrived is sent again under the same key.
"""
