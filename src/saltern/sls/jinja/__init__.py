"""Jinja as Salt's users know it: its tags, filters, tests and variables."""
