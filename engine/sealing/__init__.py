"""Floor 3: signatures that a profile may name, as data with known answers (decision 19)."""
