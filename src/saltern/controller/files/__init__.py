"""The file server: where files come from, and how agents get them."""
