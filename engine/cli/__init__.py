"""Floor 9: the command line, one file per verb. Verbs are imported when they are used."""
