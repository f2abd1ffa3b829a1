"""Repositories of git: cloned, kept at a revision, looked into and changed."""
