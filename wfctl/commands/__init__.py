"""One file (or folder) per noun of the command line; see `wfctl/cli.py` for the table of nouns."""
