"""The pure protocol core: state, events and commands; no time, no I/O, no randomness."""
