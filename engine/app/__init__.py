"""Floor 8: the running bus: assembled, started, watched, stopped; and what acts on it from outside."""
