"""The states of ``git``, gathered from where they are written."""

from saltern.library.git.cloned import Cloned, Detached, Present
from saltern.library.git.configured import ConfigSet, ConfigUnset
from saltern.library.git.latest import Latest

__all__ = ["Cloned", "ConfigSet", "ConfigUnset", "Detached", "Latest", "Present"]
