"""What the routes do: one noun, one file."""
