"""The renderer ``age``: decrypts every armoured age message in text or data, with the program age."""

from __future__ import annotations

import functools

from saltern.foundation.errors import Unavailable
from saltern.sdk.host import Host
from saltern.sls.renderers.decrypt import Decrypter, machine, run
from saltern.sls.template import Template, Work


def render(work: Work, template: Template, argument: str) -> Work:
    """Return the same text or data in the clear. Raises SlsError when any message can't be decrypted."""
    host = machine(template, "age")
    identity = str(template.world.opts.get("age_identity") or f"{host.settings}/age.key")
    decrypt = functools.partial(_decrypted, host, identity)
    return Decrypter("AGE ENCRYPTED FILE", decrypt, work, template).work()


def _decrypted(host: Host, identity: str, message: str) -> str:
    done = run(host, ("age", "--decrypt", "--identity", identity), message + "\n")
    if done.retcode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Unavailable(
            f"an age message can't be decrypted: {said[0] if said else 'age failed'}",
            hint=f"is the identity that it was encrypted for in {identity}?",
        )
    return done.stdout.decode(errors="replace")
