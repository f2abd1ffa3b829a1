"""An expression and a fleet in, the exact set of agents out (pure)."""
