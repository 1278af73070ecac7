"""Floor 2: the texts. YAML to located values, findings, settings models, layers, secrets."""
