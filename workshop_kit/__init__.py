"""What a learner looks through: the library behind the notebooks, and the command line.

Imports point one way: ``engine`` knows nothing of the packages above it; ``cli`` may know all of them.
Modules that run before the Python environment exists (``errors``, ``prepare``) use the standard library alone.
"""

__version__ = "0.1.0"
