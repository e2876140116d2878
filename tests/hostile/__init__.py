"""Malformed inputs by kind: what each is, how it is made, and what reads it."""
