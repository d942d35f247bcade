"""A bundle: the downloads and images of set-up in a folder, for machines without a network.

It consists of *parts*, folders with checksums: ``images-amd64``, ``images-arm64``,
``wheels-cpython-3.12-linux-x86_64`` … Saving on another machine into the same folder adds that machine's parts.
"""
