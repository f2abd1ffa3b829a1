"""Does the work on a machine: connection, executor, spool."""
