"""All that set-up fetches or builds, in a folder: for a USB stick, or a share on a network that leads nowhere.

A bundle is made of *parts*, each a folder with its own list of checksums: ``images-amd64``, ``images-arm64``,
``wheels-cpython-3.12-linux-x86_64`` … Saving on another machine into the same folder adds that machine's parts.
"""
