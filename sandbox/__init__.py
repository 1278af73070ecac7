"""A simulated hospital that the bus is tried against (decision 8).

It shares no code with the bus: everything here was written from the domain files, so what works
against it works against the protocols, not against a copy of our own misunderstandings. It is
strict, it remembers (SQLite), and it can be told to misbehave. `docs/sandbox.md` is its manual.
"""
