"""The replay checker: runs new workflow code against stored histories and explains what would break."""
