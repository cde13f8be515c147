"""The dev server: one process that speaks Temporal's protocol over a SQLite history."""
