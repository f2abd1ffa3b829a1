"""What an enrolled agent knows of its controller, on disk, and its own key."""

from __future__ import annotations

from pathlib import Path

import msgspec

from saltern.foundation import atomic
from saltern.foundation.errors import SettingsError
from saltern.identity.keys import KeyPair, Kind
from saltern.messages.v1 import Enrolled, Renewed
from saltern.model.ids import AgentKey
from saltern.transport.connection import Credential as Login
from saltern.transport.connection import Endpoint


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """``credential.json``: private, renewed now and then. Times are on the controller's clock."""

    name: str
    jwt: str
    issued: float
    expires: float
    signer: str
    urls: tuple[str, ...]
    ca: str
    host: str = ""
    grains: dict[str, str] = {}

    @classmethod
    def of(cls, enrolled: Enrolled) -> Credential:
        """Return what an answer to an enrolment gives."""
        return cls(
            name=enrolled.name,
            jwt=enrolled.jwt,
            issued=enrolled.issued,
            expires=enrolled.expires,
            signer=enrolled.signer,
            urls=enrolled.urls,
            ca=enrolled.ca,
            host=enrolled.host,
            grains=enrolled.grains,
        )

    def renewed(self, answer: Renewed) -> Credential:
        """Return the credential with a new JWT."""
        return msgspec.structs.replace(self, jwt=answer.jwt, issued=answer.issued, expires=answer.expires)

    def half_life(self) -> float:
        """Return when it is time for a new one."""
        return (self.issued + self.expires) / 2

    def endpoint(self) -> Endpoint:
        """Return where to connect."""
        return Endpoint(self.urls, self.ca, self.host)


class Identity:
    """The files of one agent's identity in its state directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key_file = directory / "agent.nk"
        self.credential_file = directory / "credential.json"

    @property
    def joined(self) -> bool:
        """Tell whether this agent has been taken in."""
        return self.credential_file.exists()

    def pair(self) -> KeyPair:
        """Return the agent's key, made when there is none yet."""
        atomic.private_directory(self.directory)
        return KeyPair.load_or_make(self.key_file, Kind.USER)

    def key(self) -> AgentKey:
        """Return the agent's public key."""
        return AgentKey(self.pair().public)

    def credential(self) -> Credential:
        """Return the credential. Raises SettingsError when there is none, or it is damaged."""
        try:
            return msgspec.json.decode(self.credential_file.read_bytes(), type=Credential)
        except FileNotFoundError:
            raise SettingsError(
                "this agent has not joined a controller",
                hint="on the controller: saltern token create; here: saltern agent join TOKEN",
                where=str(self.directory),
            ) from None
        except (OSError, msgspec.DecodeError) as error:
            raise SettingsError(f"damaged: {error}", where=str(self.credential_file)) from error

    def save(self, credential: Credential) -> None:
        """Write the credential, private from the first byte."""
        atomic.write(self.credential_file, msgspec.json.encode(credential))

    def login(self, credential: Credential) -> Login:
        """Return what to show the broker."""
        return Login(credential.jwt, self.pair())
