"""Time, locks and commits: the only floor that changes a run."""
