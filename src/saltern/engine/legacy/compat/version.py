"""``salt.version``: the Salt whose modules are served."""

from __future__ import annotations

from saltern.engine.legacy import compat

__version__ = compat.__version__
__version_info__ = (3008, 0)
