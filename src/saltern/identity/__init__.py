"""Keys, JWTs, enrolment, authorisation: who is who, and who may what."""
