"""``salt.defaults``: what Salt takes for granted."""

DEFAULT_TARGET_DELIM = ":"
