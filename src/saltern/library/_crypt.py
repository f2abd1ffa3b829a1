"""Passwords hashed as crypt(3) does it, by the system's own library."""

from __future__ import annotations

import ctypes
import secrets
import string

from saltern.sdk import BadArgument, NotSupported

#: How each method's hashes begin.
METHODS = {"md5": "$1$", "blowfish": "$2b$05$", "sha256": "$5$", "sha512": "$6$", "yescrypt": "$y$j9T$"}
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2")
_SALT, _SALT_LENGTH = string.ascii_letters + string.digits + "./", {"md5": 8, "blowfish": 22, "yescrypt": 22}


def hashed(password: str, salt: str) -> str:
    """Return a password's hash; ``salt`` is a whole setting (``$6$salt``), or a hash made with it.

    Raises BadArgument for a setting that the system doesn't know, NotSupported without its library.
    """
    function = _library().crypt
    function.restype, function.argtypes = ctypes.c_char_p, (ctypes.c_char_p, ctypes.c_char_p)
    found: bytes | None = function(password.encode(), salt.encode())
    if found is None or found.startswith(b"*"):
        raise BadArgument("this system can't hash a password that way", hint=f"methods: {', '.join(METHODS)}")
    return found.decode()


def setting(method: str = "sha512", salt: str = "") -> str:
    """Return a setting for ``hashed``, with a salt of its own unless one is given. Raises BadArgument."""
    if method not in METHODS:
        raise BadArgument(f"no method {method!r}", hint=f"there are {', '.join(METHODS)}")
    return METHODS[method] + (
        salt or "".join(secrets.choice(_SALT) for _ in range(_SALT_LENGTH.get(method, 16)))
    )


def _library() -> ctypes.CDLL:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise NotSupported("passwords can't be hashed here: there is no libcrypt", hint="give a hash instead")
