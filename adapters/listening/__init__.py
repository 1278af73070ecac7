"""Listening over HTTP, for every adapter whose messages come that way: requests read whole, answers written."""
