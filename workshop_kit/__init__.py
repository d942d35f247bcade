"""The learner's library, which the notebooks import, and the command line.

Imports point one way (tests/quality/test_imports.py has the order). Modules that run before the Python environment
exists (``__main__``, ``python_env``, ``bundle.wheels``, ``commands.doctor`` and what they import) use the standard
library alone.
"""
