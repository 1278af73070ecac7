"""Flows with memory, played: a text of `tests/routes/` against the real route, mapping, delivery and journal.

Only the outermost things are stand-ins: the clock is moved by hand, listeners are called directly, and every call that
the bus makes waits until an event of the text answers it.
"""
