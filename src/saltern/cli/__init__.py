"""The ``saltern`` command: parse, ask the API, hand the reply to a formatter."""
