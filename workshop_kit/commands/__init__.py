"""The commands of ``./workshop``: a module for each group, registered in ``cli``."""
