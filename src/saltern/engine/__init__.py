"""Runs one function (and, later, states) against a host."""
