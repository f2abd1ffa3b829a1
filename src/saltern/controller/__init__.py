"""Decides and remembers: enrolment, presence, jobs, returns, the store."""
