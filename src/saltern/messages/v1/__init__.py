"""Version 1 of the wire: envelopes and codec."""
