"""One file learns one subject: ``collect(host) -> dict``."""
