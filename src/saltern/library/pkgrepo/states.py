"""Repositories that are there as written, or gone."""

from saltern.library.pkgrepo.absent import Absent
from saltern.library.pkgrepo.managed import Managed

__all__ = ["Absent", "Managed"]
