"""Handing rewards over: one module per kind of reward."""
