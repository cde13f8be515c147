"""What list and count see of a run."""
