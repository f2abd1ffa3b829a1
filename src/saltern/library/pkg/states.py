"""Packages that are there, newest, held, or gone."""

from saltern.library.pkg.absent import Purged, Removed
from saltern.library.pkg.held import GroupInstalled, Held, Unheld
from saltern.library.pkg.installed import Installed
from saltern.library.pkg.newest import Downloaded, Latest, Uptodate

__all__ = [
    "Downloaded",
    "GroupInstalled",
    "Held",
    "Installed",
    "Latest",
    "Purged",
    "Removed",
    "Unheld",
    "Uptodate",
]
