"""``salt.utils.odict``: mappings with an order."""

from __future__ import annotations

from collections import OrderedDict, defaultdict

DefaultOrderedDict = defaultdict

__all__ = ["DefaultOrderedDict", "OrderedDict"]
