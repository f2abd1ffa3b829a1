"""The functions of ``cp`` that have rooms of their own."""

from saltern.library.cp.receiving import receive

__all__ = ["receive"]
