"""Files, directories and links: what lies at a path, its content, owner and mode."""
