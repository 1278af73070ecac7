"""The hospital's rules as a local system: pure functions of a document, the moment, and the settings of `rules:`."""
