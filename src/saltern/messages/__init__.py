"""The wire, numbered by version."""
