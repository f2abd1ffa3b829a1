"""Ini files: sections and options, set and removed with comments and order left as they are."""
