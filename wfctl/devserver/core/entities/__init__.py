"""One file per noun of a history: its state, its commands, its events, its deadlines."""
