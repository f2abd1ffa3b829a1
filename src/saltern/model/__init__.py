"""Frozen data: one concept, one file."""
