"""Floor 7: routes. What flows where, in which order, and when the source is answered."""
