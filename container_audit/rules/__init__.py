"""The functions of the rules: ``config.fails-fast`` is `config.fails_fast`."""
