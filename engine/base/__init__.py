"""Floor 0: clock, ids, errors, places in files, logging. Imports nothing of ours."""
