"""SQL: the only floor that talks to SQLite."""
