"""The fabric: NATS connections and the embedded broker."""
