"""What can be called: one noun, one file."""
