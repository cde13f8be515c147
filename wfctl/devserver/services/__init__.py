"""Intent that spans runs: starting, signalling and cancelling other runs."""
