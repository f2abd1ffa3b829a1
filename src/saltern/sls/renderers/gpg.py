"""The renderer ``gpg``: decrypts every PGP message in text or data, with the machine's own gpg."""

from __future__ import annotations

import functools

from saltern.foundation.errors import Unavailable
from saltern.sdk.command import Finished
from saltern.sdk.host import Host
from saltern.sls.renderers.decrypt import Decrypter, machine, run
from saltern.sls.template import Template, Work


def render(work: Work, template: Template, argument: str) -> Work:
    """Return the same text or data in the clear. Raises SlsError when any message can't be decrypted."""
    host = machine(template, "gpg")
    directory = str(template.world.opts.get("gpg_keydir") or f"{host.settings}/gpgkeys")
    return Decrypter("PGP MESSAGE", functools.partial(_decrypted, host, directory), work, template).work()


def _decrypted(host: Host, directory: str, message: str) -> str:
    quiet = ("--batch", "--no-tty", "--quiet", "--status-fd", "2")
    done = run(host, ("gpg", "--homedir", directory, *quiet, "--decrypt"), message)
    if done.retcode != 0:
        raise _failure(done, directory)
    return done.stdout.decode(errors="replace")


def _failure(done: Finished, directory: str) -> Unavailable:
    lines = done.stderr.decode(errors="replace").splitlines()
    missing = [line.split()[2] for line in lines if line.startswith("[GNUPG:] ENC_TO ")]
    if missing and any("No secret key" in line or "NO_SECKEY" in line for line in lines):
        return Unavailable(
            f"a PGP message can't be decrypted: there is no secret key {' or '.join(missing)}",
            hint=f"import it: gpg --homedir {directory} --import FILE",
        )
    said = [line for line in lines if line.strip() and not line.startswith("[GNUPG:]")]
    return Unavailable(
        f"a PGP message can't be decrypted: {said[-1].strip() if said else 'gpg failed'}",
        hint=f"is its key in {directory}?",
    )
