"""Salt modules as written, and nouns of our own shape, from the file roots: found, loaded, and adapted."""
