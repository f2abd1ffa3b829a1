"""The backend ``git``: the branches and tags of repositories are environments."""

from saltern.controller.files.backends.git.backend import make

__all__ = ["make"]
