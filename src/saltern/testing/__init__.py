"""Fakes for users' tests and ours."""
