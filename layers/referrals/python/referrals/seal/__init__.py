"""Sealing: what was written is signed by a key that nobody can read."""
