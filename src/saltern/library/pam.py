"""PAM: which modules decide who may come in."""

from __future__ import annotations

import re
from typing import Any

from saltern.sdk import BadArgument, Host

#: ``type control module arguments``; the control may be ``[value=action …]``.
_RULE = re.compile(r"(-?\w+)\s+(\[[^\]]*\]|\S+)\s+(\S+)\s*(.*)")


def read_file(host: Host, file_name: str) -> list[dict[str, Any]]:
    """Return a PAM file's rules in order: ``{interface, control_flag, module, arguments}``.

    A line ``@include x`` is ``{include: x}``. Raises NotFound, and BadArgument for a line that is no rule.

    Example:
        saltern run web1 pam.read_file /etc/pam.d/sshd
    """
    text = host.text(file_name).replace("\\\n", " ")
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        rule = line.partition("#")[0].strip()
        if rule:
            found.append(_rule(rule, f"{file_name}:{number}"))
    return found


def _rule(line: str, where: str) -> dict[str, Any]:
    if line.startswith("@include"):
        return {"include": line.removeprefix("@include").strip()}
    met = _RULE.fullmatch(line)
    if met is None:
        raise BadArgument(f"no rule of PAM: {line!r}", where=where)
    arguments = re.findall(r"\[[^\]]*\]|\S+", met[4])
    return {"interface": met[1], "control_flag": met[2], "module": met[3], "arguments": arguments}
