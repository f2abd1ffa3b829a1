"""``salt._compat``: parts of Python that Salt used to bring along."""

from __future__ import annotations

import ipaddress
from io import BytesIO, StringIO
from xml.etree import ElementTree

string_types = (str,)

__all__ = ["BytesIO", "ElementTree", "StringIO", "ipaddress", "string_types"]
