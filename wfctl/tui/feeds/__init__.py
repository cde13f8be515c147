"""Where data comes from, and how it becomes messages."""
