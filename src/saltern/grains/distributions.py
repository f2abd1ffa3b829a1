"""What distributions are called: one visible table each for name and family."""

from __future__ import annotations

import re

_LINUX = re.compile(r"\W(?:gnu/)?linux", re.IGNORECASE)

#: ``os`` by the first ten letters of the full name, in lower case, without spaces and "Linux".
_NAMES = {
    "redhatente": "RedHat",
    "gentoobase": "Gentoo",
    "archarm": "Arch ARM",
    "arch": "Arch",
    "debian": "Debian",
    "raspbian": "Raspbian",
    "fedoraremi": "Fedora",
    "chapeau": "Chapeau",
    "korora": "Korora",
    "amazonami": "Amazon",
    "alt": "ALT",
    "enterprise": "OEL",
    "oracleserv": "OEL",
    "cloudserve": "CloudLinux",
    "cloudlinux": "CloudLinux",
    "virtuozzo": "Virtuozzo",
    "almalinux": "AlmaLinux",
    "almalinuxk": "AlmaLinux",
    "pidora": "Fedora",
    "scientific": "ScientificLinux",
    "synology": "Synology",
    "nilrt": "NILinuxRT",
    "poky": "Poky",
    "manjaro": "Manjaro",
    "manjarolin": "Manjaro",
    "univention": "Univention",
    "antergos": "Antergos",
    "sles": "SUSE",
    "void": "Void",
    "slesexpand": "RES",
    "linuxmint": "Mint",
    "neon": "KDE neon",
    "pop": "Pop",
    "rocky": "Rocky",
    "alibabaclo": "Alinux",
    "mendel": "Mendel",
    "photon": "VMware Photon OS",
}
#: ``os`` where name and identifier together decide.
_EXCEPTIONS = {
    ("astra", "Astra Linux (Orel)"): "AstraLinuxCE",
    ("astra", "Astra Linux (Smolensk)"): "AstraLinuxSE",
    ("pop", "Pop!_OS"): "Pop",
}

_DEBIAN = (
    *("Ubuntu", "Mint", "Trisquel", "GCEL", "Linaro", "elementary OS", "elementary", "Univention"),
    *("Raspbian", "Devuan", "antiX", "Kali", "Parrot OS", "neon", "Cumulus", "Deepin", "KDE neon", "IDMS"),
    *("TurnKey", "Pop", "AstraLinuxCE", "AstraLinuxSE", "Mendel", "OSMC"),
)
_RED_HAT = (
    *("Fedora", "Chapeau", "Korora", "FedBerry", "CentOS", "CentOS Stream", "GoOSe", "Scientific"),
    *("ScientificLinux", "Amazon", "CloudLinux", "Virtuozzo", "AlmaLinux", "AlmaLinux Kitten", "OVS", "OEL"),
    *("XCP", "XCP-ng", "XenServer", "RES", "Sangoma", "VMware Photon OS", "AlterOS", "RED OS", "ALT"),
    *("Rocky", "Alinux", "openEuler"),
)
_SUSE = (
    *("SLES", "SUSE Enterprise Server", "SLED", "openSUSE", "SUSE", "openSUSE Leap"),
    *("openSUSE Tumbleweed", "SLES_SAP", "alfaLinux", "alfaLinux Rise"),
)
_ARCH = ("Arch ARM", "Manjaro", "Manjaro ARM", "Antergos", "EndeavourOS")

#: ``os_family`` by ``os``.
_FAMILIES = {
    **dict.fromkeys(_DEBIAN, "Debian"),
    **dict.fromkeys(_RED_HAT, "RedHat"),
    **dict.fromkeys(_SUSE, "Suse"),
    **dict.fromkeys(_ARCH, "Arch"),
    "Mandrake": "Mandriva",
    "Funtoo": "Gentoo",
    "VMwareESX": "VMware",
    "Bluewhite64": "Bluewhite",
    "Slamd64": "Slackware",
}
#: ``os_family`` by an ancestor's identifier in os-release.
_ANCESTORS = {"debian": "Debian", "ubuntu": "Debian", "rhel": "RedHat", "fedora": "RedHat", "suse": "Suse"}


def name_of(full_name: str, identifier: str) -> str:
    """Return ``os`` for the NAME and ID of an os-release file."""
    if (identifier, full_name) in _EXCEPTIONS:
        return _EXCEPTIONS[identifier, full_name]
    short = _LINUX.sub("", full_name).strip()
    return _NAMES.get(short.replace(" ", "").lower()[:10], short)


def family_of(name: str, identifier: str, ancestors: str) -> str:
    """Return ``os_family`` for ``os``, and the ID and ID_LIKE of an os-release file."""
    if name in _FAMILIES:
        return _FAMILIES[name]
    likes = (word for word in [identifier, *ancestors.split()] if word in _ANCESTORS)
    return next((_ANCESTORS[word] for word in likes), name)
