"""The backends of the file server, one kind a file."""
