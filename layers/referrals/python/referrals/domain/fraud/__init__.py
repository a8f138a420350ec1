"""Fraud rules: what may be wrong with a conversion, one rule a file, run by one runner."""
