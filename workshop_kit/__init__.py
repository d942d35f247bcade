"""The library behind the notebooks, and the command line.

Imports point one way (tests/quality/test_imports.py has the order). Modules that run before the Python environment
exists (``bootstrap``, ``bundle.wheels``, ``commands.doctor`` and what they import) use the standard library alone.
"""
