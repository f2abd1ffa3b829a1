"""Digests, signatures and base64 of texts and files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from saltern.sdk import BadArgument, Host, nearest

_DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")


def digest(host: Host, instr: str, checksum: str = "md5") -> str:
    """Return a text's digest in hexadecimal; ``checksum`` is md5, sha256, sha512 or another of their family.

    Example:
        saltern run '*' hashutil.digest 'get salted' sha256
    """
    return _digested(instr.encode(), checksum)


def digest_file(host: Host, infile: str, checksum: str = "md5") -> str:
    """Return a file's digest in hexadecimal. Raises NotFound.

    Example:
        saltern run '*' hashutil.digest_file /path/to/file sha256
    """
    return _digested(host.read(infile), checksum)


def md5_digest(host: Host, instr: str) -> str:
    """Return a text's MD5 digest in hexadecimal.

    Example:
        saltern run '*' hashutil.md5_digest 'get salted'
    """
    return digest(host, instr, "md5")


def sha256_digest(host: Host, instr: str) -> str:
    """Return a text's SHA-256 digest in hexadecimal.

    Example:
        saltern run '*' hashutil.sha256_digest 'get salted'
    """
    return digest(host, instr, "sha256")


def sha512_digest(host: Host, instr: str) -> str:
    """Return a text's SHA-512 digest in hexadecimal.

    Example:
        saltern run '*' hashutil.sha512_digest 'get salted'
    """
    return digest(host, instr, "sha512")


def base64_b64encode(host: Host, instr: str) -> str:
    """Return a text in base64, on one line.

    Example:
        saltern run '*' hashutil.base64_b64encode 'get salted'
    """
    return base64.b64encode(instr.encode()).decode()


def base64_b64decode(host: Host, instr: str) -> str:
    """Return the text that base64 stands for. Raises BadArgument.

    Example:
        saltern run '*' hashutil.base64_b64decode Z2V0IHNhbHRlZA==
    """
    return _decoded(instr).decode(errors="replace")


def base64_encodestring(host: Host, instr: str) -> str:
    """Return a text in base64, in lines of 76 characters.

    Example:
        saltern run '*' hashutil.base64_encodestring 'get salted'
    """
    return base64.encodebytes(instr.encode()).decode()


def base64_decodestring(host: Host, instr: str) -> str:
    """Return the text that base64 in lines stands for. Raises BadArgument.

    Example:
        saltern run '*' hashutil.base64_decodestring Z2V0IHNhbHRlZA==
    """
    return base64_b64decode(host, instr)


def base64_encodefile(host: Host, fname: str) -> str:
    """Return a file's content in base64, in lines of 76 characters. Raises NotFound.

    Example:
        saltern run '*' hashutil.base64_encodefile /path/to/binary_file
    """
    return base64.encodebytes(host.read(fname)).decode()


def base64_decodefile(host: Host, instr: str, outfile: str) -> bool:
    """Write what base64 stands for into a file; return true. Raises BadArgument.

    Example:
        saltern run '*' hashutil.base64_decodefile Z2V0IHNhbHRlZA== /path/to/binary_file
    """
    host.write(outfile, _decoded(instr))
    return True


def hmac_signature(host: Host, string: str, shared_secret: str, challenge_hmac: str) -> bool:
    """Tell whether ``challenge_hmac`` (base64) is the HMAC-SHA256 of a text with a secret.

    Example:
        saltern run '*' hashutil.hmac_signature 'get salted' 'shared secret' challenge_hmac=eBWf9bstXg=
    """
    made = base64.b64encode(_hmac(string, shared_secret, "sha256").digest())
    return hmac.compare_digest(made, challenge_hmac.encode())


def hmac_compute(host: Host, string: str, shared_secret: str) -> str:
    """Return the HMAC-SHA256 of a text with a secret, in hexadecimal.

    Example:
        saltern run '*' hashutil.hmac_compute 'get salted' 'shared secret'
    """
    return _hmac(string, shared_secret, "sha256").hexdigest()


def github_signature(host: Host, string: str, shared_secret: str, challenge_hmac: str) -> bool:
    """Tell whether ``challenge_hmac`` (``sha1=…`` or ``sha256=…``) is GitHub's signature of a message.

    Example:
        saltern run '*' hashutil.github_signature message secret challenge_hmac=sha1=bc6550fc290acf5b
    """
    kind, _, given = challenge_hmac.partition("=")
    if kind not in ("sha1", "sha256"):
        raise BadArgument(f"{kind!r} is no signature of GitHub's", hint="they begin with sha1= or sha256=")
    return hmac.compare_digest(_hmac(string, shared_secret, kind).hexdigest().encode(), given.encode())


def _hmac(string: str, secret: str, kind: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), string.encode(), kind)


def _digested(data: bytes, kind: str) -> str:
    if kind not in _DIGESTS:
        raise BadArgument(f"there is no digest {kind!r}", hint=nearest(kind, _DIGESTS))
    return hashlib.new(kind, data, usedforsecurity=False).hexdigest()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise BadArgument(f"this is no base64: {error}") from None
