"""Nouns whose functions run the engine itself."""
