"""Calling over HTTP, for every adapter whose calls go that way: kept connections, and the truth about a broken call."""
