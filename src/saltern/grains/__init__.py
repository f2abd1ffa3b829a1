"""Facts about a machine: one collector, one file.

A collector is a module of ``collectors`` with a function ``collect(host) -> dict``.
"""

from saltern.grains.collect import Grains, collect

__all__ = ["Grains", "collect"]
