"""All that library authors import."""
