"""Facts about a machine: one collector, one file."""
