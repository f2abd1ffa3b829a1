"""The functions of ``cp`` that have rooms of their own."""

from saltern.library.cp.kept import cache_dest, cache_local_file, is_cached, list_minion
from saltern.library.cp.receiving import receive

__all__ = ["cache_dest", "cache_local_file", "is_cached", "list_minion", "receive"]
