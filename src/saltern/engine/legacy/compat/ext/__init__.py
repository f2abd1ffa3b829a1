"""``salt.ext``: what Salt used to bring along."""
