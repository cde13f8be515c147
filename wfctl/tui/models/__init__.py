"""The logic of what is shown, without a terminal."""
