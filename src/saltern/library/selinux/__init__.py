"""SELinux: its mode, booleans and modules, and which labels files and ports get."""

from __future__ import annotations

import re
from typing import Any, Literal

from saltern.library._firewall import checked, demanded, word
from saltern.sdk import BadArgument, Host, NotFound

REQUIRES = ("semanage", "setsebool", "semodule")

Mode = Literal["enforcing", "Enforcing", "permissive", "Permissive", "disabled", "Disabled"]
Switch = bool | Literal["on", "off", "1", "0"] | int

_FS, _CONFIG = "/sys/fs/selinux", "/etc/selinux/config"
_BOOLEAN = re.compile(r"(\S+)\s+\((\w+)\s*,\s*(\w+)\)\s*(.*)")
_CONTEXT = re.compile(r"(?P<name>\S.*?)\s{2,}(?P<kind>[a-z ]+?)\s{2,}(?P<label>\S+:\S+:\S+|<<None>>)\s*")
_PORT = re.compile(r"(\S+)\s+(tcp|udp|sctp|dccp)\s+(.+)")
#: Kinds of files by the letters that semanage takes.
FILETYPES = {
    "a": "all files",
    "f": "regular file",
    "d": "directory",
    "c": "character device",
    "b": "block device",
    "s": "socket",
    "l": "symbolic link",
    "p": "named pipe",
}


def selinux_fs_path(host: Host) -> str | None:
    """Return where the kernel shows SELinux; nothing while it is disabled.

    Example:
        saltern run '*' selinux.selinux_fs_path
    """
    return _FS if host.exists(f"{_FS}/enforce") else None


def getenforce(host: Host) -> str:
    """Return the mode in force: ``Enforcing``, ``Permissive`` or ``Disabled``.

    Example:
        saltern run '*' selinux.getenforce
    """
    if selinux_fs_path(host) is None:
        return "Disabled"
    return "Enforcing" if host.text(f"{_FS}/enforce").strip() == "1" else "Permissive"


def getconfig(host: Host) -> str:
    """Return the mode that the next start has: ``enforcing``, ``permissive`` or ``disabled``.

    Example:
        saltern run '*' selinux.getconfig
    """
    found = re.search(r"^SELINUX=\s*(\w+)", host.text(_CONFIG, ""), re.MULTILINE)
    return found[1].lower() if found else "disabled"


def setenforce(host: Host, mode: Mode) -> str:
    """Set the mode, now as far as that can be, and for the next start; return the mode in force.

    Between ``Disabled`` and the others lies a restart. Raises NotFound, CommandFailed.

    Example:
        saltern run '*' selinux.setenforce permissive
    """
    wanted = mode.lower()
    before = host.text(_CONFIG)
    after, count = re.subn(r"^SELINUX=.*$", f"SELINUX={wanted}", before, flags=re.MULTILINE)
    host.write(_CONFIG, (after if count else f"{before}SELINUX={wanted}\n").encode())
    if selinux_fs_path(host) is not None:
        demanded(host, "setenforce", "1" if wanted == "enforcing" else "0")
    return getenforce(host)


def list_sebool(host: Host) -> dict[str, dict[str, str]]:
    """Return the booleans: ``{name: {State, Default, Description}}``, ``on`` or ``off``.

    Example:
        saltern run '*' selinux.list_sebool
    """
    lines = demanded(host, "semanage", "boolean", "-l").splitlines()
    found = (_BOOLEAN.fullmatch(line.strip()) for line in lines)
    return {one[1]: {"State": one[2], "Default": one[3], "Description": one[4]} for one in found if one}


def getsebool(host: Host, boolean: str) -> dict[str, str]:
    """Return one boolean; an empty mapping for one that isn't there.

    Example:
        saltern run '*' selinux.getsebool httpd_can_network_connect
    """
    return list_sebool(host).get(boolean, {})


def setsebool(host: Host, boolean: str, value: Switch, persist: bool = False) -> bool:
    """Set a boolean; ``persist`` has it hold after a restart. Raises CommandFailed.

    Example:
        saltern run '*' selinux.setsebool httpd_can_network_connect on persist=True
    """
    setting = f"{checked(boolean, 'boolean')}={switch(value)}"
    demanded(host, "setsebool", *(["-P"] if persist else []), setting)
    return True


def setsebools(host: Host, pairs: dict[str, Switch], persist: bool = False) -> bool:
    """Set several booleans at once. Raises CommandFailed.

    Example:
        saltern run '*' selinux.setsebools '{httpd_can_network_connect: on, samba_enable_home_dirs: off}'
    """
    settings = [f"{checked(name, 'boolean')}={switch(value)}" for name, value in pairs.items()]
    demanded(host, "setsebool", *(["-P"] if persist else []), *settings)
    return True


def list_semod(host: Host) -> dict[str, dict[str, Any]]:
    """Return the modules of the policy: ``{name: {Enabled, Version}}``; versions are no longer kept.

    Example:
        saltern run '*' selinux.list_semod
    """
    lines = (line.split() for line in demanded(host, "semodule", "-lfull").splitlines())
    return {
        line[1]: {"Enabled": "disabled" not in line[3:], "Version": None} for line in lines if len(line) > 2
    }


def getsemod(host: Host, module: str) -> dict[str, Any]:
    """Return one module of the policy; an empty mapping for one that isn't there.

    Example:
        saltern run '*' selinux.getsemod telnet
    """
    return list_semod(host).get(module, {})


def setsemod(host: Host, module: str, state: Literal["enabled", "Enabled", "disabled", "Disabled"]) -> bool:
    """Enable or disable a module. Raises CommandFailed.

    Example:
        saltern run '*' selinux.setsemod telnet disabled
    """
    how = "-e" if state.lower() == "enabled" else "-d"
    demanded(host, "semodule", how, checked(module, "module"))
    return True


def install_semod(host: Host, module_path: str) -> bool:
    """Install a module from a file. Raises NotFound, CommandFailed.

    Example:
        saltern run '*' selinux.install_semod /srv/my_app.pp
    """
    if not host.exists(module_path):
        raise NotFound(f"{module_path} does not exist")
    demanded(host, "semodule", "-i", module_path)
    return True


def remove_semod(host: Host, module: str) -> bool:
    """Remove a module. Raises CommandFailed.

    Example:
        saltern run '*' selinux.remove_semod my_app
    """
    demanded(host, "semodule", "-r", checked(module, "module"))
    return True


def filetype_id_to_string(host: Host, filetype: str = "a") -> str:
    """Return a kind of files in words. Raises BadArgument.

    Example:
        saltern run '*' selinux.filetype_id_to_string f
    """
    if filetype not in FILETYPES:
        raise BadArgument(f"{filetype!r} is no kind of files", hint=f"one of {', '.join(FILETYPES)}")
    return FILETYPES[filetype]


def fcontext_get_policy(
    host: Host,
    name: str,
    filetype: str | None = None,
    sel_type: str | None = None,
    sel_user: str | None = None,
    sel_level: str | None = None,
) -> dict[str, str] | None:
    """Return the rule for a file's label: ``{filespec, filetype, sel_user, sel_role, sel_type, sel_level}``.

    ``name`` is the regular expression as it stands in the policy. Nothing when there is none.

    Example:
        saltern run '*' selinux.fcontext_get_policy '/srv/www(/.*)?'
    """
    kind = None if filetype is None else filetype_id_to_string(host, filetype)
    wanted = {"filetype": kind, "sel_type": sel_type, "sel_user": sel_user, "sel_level": sel_level}
    fitting = None
    for line in demanded(host, "semanage", "fcontext", "-l").splitlines():
        found = _CONTEXT.fullmatch(line)
        if found is None or found["name"] != name:
            continue
        one = _context(found)
        if all(value in (None, one[key]) for key, value in wanted.items()):
            fitting = one  # the last one is the local one, which holds
    return fitting


def fcontext_add_policy(
    host: Host,
    name: str,
    filetype: str | None = None,
    sel_type: str | None = None,
    sel_user: str | None = None,
    sel_level: str | None = None,
) -> bool:
    """Say which label files get, or change that. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' selinux.fcontext_add_policy '/srv/www(/.*)?' sel_type=httpd_sys_content_t
    """
    how = "-a" if fcontext_get_policy(host, name, filetype or "a") is None else "-m"
    demanded(host, *_fcontext(host, how, name, filetype, sel_type, sel_user, sel_level))
    return True


def fcontext_delete_policy(
    host: Host,
    name: str,
    filetype: str | None = None,
    sel_type: str | None = None,
    sel_user: str | None = None,
    sel_level: str | None = None,
) -> bool:
    """Take back what was said of files' labels. Raises CommandFailed.

    Example:
        saltern run '*' selinux.fcontext_delete_policy '/srv/www(/.*)?'
    """
    demanded(host, *_fcontext(host, "-d", name, filetype, sel_type, sel_user, sel_level))
    return True


def fcontext_policy_is_applied(host: Host, name: str, recursive: bool = False) -> str:
    """Return what ``restorecon`` would change; empty text when every label is as the policy says.

    Example:
        saltern run '*' selinux.fcontext_policy_is_applied /srv/www recursive=True
    """
    deep = ["-R"] if recursive else []
    return demanded(host, "restorecon", "-n", "-v", *deep, "--", _path(name)).strip()


def fcontext_apply_policy(host: Host, name: str, recursive: bool = False) -> bool:
    """Give files the labels of the policy. Raises CommandFailed.

    Example:
        saltern run '*' selinux.fcontext_apply_policy /srv/www recursive=True
    """
    demanded(host, "restorecon", *(["-R"] if recursive else []), "--", _path(name))
    return True


def port_get_policy(
    host: Host,
    name: str,
    sel_type: str | None = None,
    protocol: str | None = None,
    port: str | int | None = None,
) -> dict[str, str] | None:
    """Return the label of a port (``tcp/8080``): ``{sel_type, protocol, port}``; nothing when it has none.

    Example:
        saltern run '*' selinux.port_get_policy tcp/8080
    """
    wanted_protocol, wanted_port = endpoint(name, protocol, port)
    for line in demanded(host, "semanage", "port", "-l").splitlines():
        found = _PORT.fullmatch(line.strip())
        ports = [one.strip() for one in found[3].split(",")] if found else []
        if found and found[2] == wanted_protocol and wanted_port in ports and sel_type in (None, found[1]):
            return {"sel_type": found[1], "protocol": found[2], "port": wanted_port}
    return None


def port_add_policy(
    host: Host,
    name: str,
    sel_type: str,
    protocol: str | None = None,
    port: str | int | None = None,
    sel_range: str | None = None,
) -> bool:
    """Give a port a label. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' selinux.port_add_policy tcp/8080 http_port_t
    """
    demanded(host, *_port("-a", name, sel_type, protocol, port, sel_range))
    return True


def port_modify_policy(
    host: Host,
    name: str,
    sel_type: str,
    protocol: str | None = None,
    port: str | int | None = None,
    sel_range: str | None = None,
) -> bool:
    """Give a port that has a label another one. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' selinux.port_modify_policy tcp/8080 http_port_t
    """
    demanded(host, *_port("-m", name, sel_type, protocol, port, sel_range))
    return True


def port_delete_policy(
    host: Host, name: str, protocol: str | None = None, port: str | int | None = None
) -> bool:
    """Take a port's label away. Raises BadArgument, CommandFailed.

    Example:
        saltern run '*' selinux.port_delete_policy tcp/8080
    """
    demanded(host, *_port("-d", name, None, protocol, port, None))
    return True


def switch(given: Switch) -> str:
    """Return ``on`` or ``off`` of what people write for it."""
    return "on" if str(given).lower() in ("on", "1", "true") else "off"


def endpoint(name: str, protocol: str | None, port: str | int | None) -> tuple[str, str]:
    """Return protocol and port of ``tcp/8080``, or those that are named. Raises BadArgument."""
    written_protocol, _, written_port = name.partition("/")
    found = (protocol or written_protocol, str(port or written_port))
    if found[0] not in ("tcp", "udp", "sctp", "dccp") or not re.fullmatch(r"\d+(-\d+)?", found[1]):
        raise BadArgument(f"{name!r} is no port", hint="tcp/8080, or protocol and port")
    return found


def _context(found: re.Match[str]) -> dict[str, str]:
    user, role, kind, level = [*found["label"].split(":", 3), "", "", ""][:4]
    return {
        "filespec": found["name"],
        "filetype": found["kind"],
        "sel_user": user,
        "sel_role": role,
        "sel_type": kind,
        "sel_level": level,
    }


def _fcontext(host: Host, how: str, name: str, filetype: str | None, *label: str | None) -> list[str]:
    filetype_id_to_string(host, filetype or "a")
    flags = zip(("-t", "-s", "-r"), label, strict=True)
    words = [one for flag, value in flags if value for one in (flag, word(value, "label"))]
    return ["semanage", "fcontext", how, *words, "-f", filetype or "a", _path(name)]


def _port(
    how: str, name: str, kind: str | None, protocol: str | None, port: str | int | None, level: str | None
) -> list[str]:
    found_protocol, found_port = endpoint(name, protocol, port)
    words = [
        one for flag, value in (("-t", kind), ("-r", level)) if value for one in (flag, word(value, "label"))
    ]
    return ["semanage", "port", how, *words, "-p", found_protocol, found_port]


def _path(name: str) -> str:
    text = word(name, "path")
    if not text.startswith("/"):
        raise BadArgument(f"{text!r} is no absolute path")
    return text
