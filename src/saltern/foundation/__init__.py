"""Errors, clock, atomic files, settings."""
