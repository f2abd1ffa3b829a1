"""Who comes in and who is put out: enrolment, credentials, keys, tokens."""

from __future__ import annotations

import logging

import msgspec

from saltern.controller.fabric import Fabric
from saltern.controller.fleet import Fleet
from saltern.controller.happenings import Happenings
from saltern.controller.peers import AgentChanged, Peers
from saltern.controller.settings import ControllerSettings
from saltern.controller.store import Store
from saltern.foundation import settings as reading
from saltern.foundation.clock import Clock
from saltern.foundation.errors import Conflict, NotAllowed, NotFound, SalternError, Unavailable, UsageError
from saltern.identity import enrolment, tokens
from saltern.identity.authorise import Action, Decision
from saltern.identity.authority import Authority
from saltern.messages.v1 import Denied, Enrol, Enrolled, Pending, Renewed
from saltern.model.agent import Agent, KeyState
from saltern.model.ids import AgentKey, fingerprint
from saltern.model.request import TokenRequest
from saltern.model.token import NewToken, Token, TokenState
from saltern.transport import server, streams
from saltern.transport.connection import Endpoint

log = logging.getLogger("saltern.admission")

#: Which state each verb leads to.
_VERBS = {"accept": KeyState.ACCEPTED, "reject": KeyState.REJECTED, "revoke": KeyState.REVOKED}
#: The store's name for the longest lifetime of a credential.
_LONGEST = "longest_credential_lifetime"
_MAX_TOKEN = 366 * 86_400.0


class Admission:
    """Decides about enrolment requests, and carries out what operators say about keys and tokens."""

    def __init__(
        self,
        *,
        authority: Authority,
        endpoint: Endpoint,
        store: Store,
        fleet: Fleet,
        fabric: Fabric,
        happenings: Happenings,
        peers: Peers,
        settings: ControllerSettings,
        clock: Clock,
    ) -> None:
        self._authority = authority
        self._endpoint = endpoint
        self._store = store
        self._fleet = fleet
        self._fabric = fabric
        self._happenings = happenings
        self._peers = peers
        self._enrolment = settings.enrolment
        self._lifetime = reading.duration(settings.enrolment.credential_lifetime)
        self._clock = clock

    # --- asked by machines -------------------------------------------------------------------------

    async def enrol(self, subject: str, request: Enrol) -> Enrolled | Pending | Denied:
        """Answer a request to be taken in that came on ``subject`` (``enrol.<token>`` or ``enrol.open``)."""
        token_id = subject.split(".", 1)[1]
        token = None if token_id == "open" else await self._store.tokens.get(token_id)  # noqa: S105
        known = enrolment.Known(
            same_key=self._fleet.get(request.key),
            same_name=self._fleet.holder(request.name, besides=request.key),
            token_pattern=None if token_id == "open" else (token.id_pattern if token else "*"),  # noqa: S105
            token_refusal="" if token_id == "open" else _refusal(token, self._clock.now()),  # noqa: S105
            pending=await self._store.agents.count(KeyState.PENDING) if token_id == "open" else 0,  # noqa: S105
            pending_limit=self._enrolment.pending_limit if self._enrolment.pending else 0,
        )
        asked = enrolment.Request(request.key, request.name, request.nonce, request.proof)
        verdict = enrolment.decide(asked, subject, known)
        if verdict.answer is enrolment.Answer.REFUSE:
            return self._refuse(
                request, Denied(code=verdict.code, message=verdict.message, hint=verdict.hint)
            )
        try:
            agent = await self._take_in(request, token, verdict.answer)
        except (Conflict, NotAllowed) as error:
            return self._refuse(request, Denied(code=error.code, message=error.message, hint=error.hint))
        if agent.state is not KeyState.ACCEPTED:
            return Pending(fingerprint=agent.fingerprint)
        return self._credentials(agent)

    async def _take_in(self, request: Enrol, token: Token | None, answer: enrolment.Answer) -> Agent:
        before = self._fleet.get(request.key)
        if before is not None and before.state is KeyState.ACCEPTED:
            return before
        agent = await self._store.agents.add(
            Agent(
                key=request.key,
                name=request.name,
                state=KeyState.ACCEPTED if answer is enrolment.Answer.ACCEPT else KeyState.PENDING,
                fingerprint=fingerprint(request.key),
                created=self._clock.now(),
                version=request.version[:64],
                token=token.id if token else None,
                grains=dict(token.grains) if token else {},
            ),
            token=token.id if token else None,
        )
        self._fleet.put(agent)
        self._peers.tell(AgentChanged(keys=(agent.key,)))
        if before is None or before.state is not agent.state:
            tag = "enrol/accepted" if agent.state is KeyState.ACCEPTED else "enrol/pending"
            self._happenings.emit(
                tag, {"name": agent.name, "fingerprint": agent.fingerprint, "token": agent.token}, agent.key
            )
        return agent

    def _refuse(self, request: Enrol, denied: Denied) -> Denied:
        denied = msgspec.structs.replace(denied, final=True)
        self._happenings.emit(
            f"enrol/refused/{denied.code}", {"name": request.name[:253], "message": denied.message}
        )
        return denied

    def _credentials(self, agent: Agent) -> Enrolled:
        jwt, issued, expires = self._authority.agent_jwt(agent.key, agent.name, self._lifetime)
        return Enrolled(
            name=agent.name,
            jwt=jwt,
            issued=issued,
            expires=expires,
            signer=self._authority.orders.public,
            urls=self._endpoint.urls,
            ca=self._endpoint.ca,
            host=self._endpoint.host,
            grains=agent.grains,
        )

    def renew(self, key: AgentKey) -> Renewed | Denied:
        """Answer an accepted agent that wants a new credential."""
        agent = self._fleet.accepted(key)
        if agent is None:
            return Denied(code="revoked", message="this key is not accepted", final=True)
        jwt, issued, expires = self._authority.agent_jwt(key, agent.name, self._lifetime)
        return Renewed(jwt=jwt, issued=issued, expires=expires)

    # --- asked by people ---------------------------------------------------------------------------

    async def change_keys(self, decision: Decision, verb: str) -> list[Agent]:
        """Do ``verb`` to the decision's keys; see ``api.facade``."""
        decision.require(Action.KEY_CHANGE)
        if verb not in _VERBS and verb != "delete":
            raise UsageError(f"unknown verb {verb!r}", hint="accept, reject, revoke or delete")
        changed = [await self._change(key, verb) for key in decision.targets.members]
        self._peers.tell(AgentChanged(keys=tuple(agent.key for agent in changed)))
        if any(agent.state is KeyState.REVOKED for agent in changed) or verb == "delete":
            await self._put_out([agent.key for agent in changed])
        for agent in changed:
            self._happenings.emit(
                f"key/{verb}",
                {"name": agent.name, "fingerprint": agent.fingerprint, "by": decision.principal.name},
                agent.key,
            )
        return changed

    async def _change(self, key: AgentKey, verb: str) -> Agent:
        now = self._clock.now()
        if verb == "delete":
            agent = await self._store.agents.get(key)
            if agent is None:
                raise NotFound(f"no agent has the key {key}")
            if agent.state is KeyState.ACCEPTED:  # it holds a credential, so its key must never return
                await self._store.agents.set_state(key, KeyState.REVOKED, at=now)
            agent = await self._store.agents.delete(key)
            self._fleet.drop(key)
            return agent
        agent = await self._store.agents.set_state(key, _VERBS[verb], at=now)
        self._fleet.put(agent)
        return agent

    async def _put_out(self, keys: list[AgentKey]) -> None:
        """Make the broker drop them; if it is away it learns of it when it is back, before anybody enters."""
        for key in keys:
            self._fleet.apply(self._fleet.presence.forget(key, self._clock.now()))
        try:
            await self._fabric.refresh_account()
        except Unavailable as error:
            log.warning("revoked, and the broker will know when it is back: %s", error)
            return
        for key in keys:
            for link in self._fleet.presence.links(key):
                try:
                    await server.kick(self._fabric.system, *link.id)
                except SalternError as error:
                    log.info("connection %s is gone already: %s", link.id, error)
            try:
                await streams.purge(self._fabric.connection, streams.GRAINS, f"$KV.grains.{key}")
            except Unavailable as error:  # nobody reads them: the key is not trusted
                log.info("the grains of %s stay in their bucket: %s", key, error)

    async def account_jwt(self) -> str:
        """Return the account's JWT with all whose credential could still be good among its revocations."""
        horizon = self._clock.now() - await self._longest_lifetime() - 86_400
        revoked = await self._store.agents.revoked()
        return self._authority.account_jwt({key: at for key, at in revoked.items() if at > horizon})

    async def _longest_lifetime(self) -> float:
        """Return how long a credential may be good that was issued under any settings ever used here."""
        longest = max(self._lifetime, float(await self._store.meta.get(_LONGEST) or 0))
        await self._store.meta.set(_LONGEST, str(longest))
        return longest

    async def create_token(self, decision: Decision, request: TokenRequest) -> NewToken:
        """Make a join token; see ``api.facade``."""
        decision.require(Action.TOKEN_CHANGE)
        if not 0 < request.ttl <= _MAX_TOKEN:
            raise UsageError("a token's time to live is between a second and a year", hint="--ttl 1h")
        if request.uses is not None and request.uses < 1:
            raise UsageError("a token has at least one use", hint="--uses 1")
        now = self._clock.now()
        pair = tokens.new_key()
        await self._store.tokens.create(
            Token(
                id=pair.public,
                created=now,
                expires=now + request.ttl,
                uses_left=request.uses,
                id_pattern=request.id_pattern,
                grains=request.grains,
                creator=decision.principal.name,
                note=request.note,
            )
        )
        text = tokens.JoinToken(
            urls=self._endpoint.urls,
            ca=self._endpoint.ca,
            host=self._endpoint.host,
            jwt=self._authority.token_jwt(pair.public, now + request.ttl),
            seed=pair.reveal(),
        ).text()
        return NewToken(id=pair.public, text=text, expires=now + request.ttl, uses=request.uses)

    async def revoke_token(self, decision: Decision, id: str) -> Token:
        """End a token; see ``api.facade``."""
        decision.require(Action.TOKEN_CHANGE)
        return await self._store.tokens.revoke(id, self._clock.now())


def advertised(listen: str, advertise: list[str]) -> tuple[str, ...]:
    """Return the URLs agents shall dial: what the settings say, else this machine's name and addresses."""
    import socket

    host, _, port = listen.rpartition(":")
    if advertise:
        return tuple(f"tls://{each}" if ":" in each else f"tls://{each}:{port}" for each in advertise)
    if host not in ("0.0.0.0", "[::]", "::", ""):  # noqa: S104
        return (f"tls://{host}:{port}",)
    found = [socket.getfqdn()]
    for family, probe in ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as attempt:
            try:
                attempt.connect((probe, 9))  # sends nothing; the kernel names the address it would use
                address = attempt.getsockname()[0]
            except OSError:
                continue
            found.append(f"[{address}]" if ":" in address else address)
    return tuple(dict.fromkeys(f"tls://{each}:{port}" for each in found))


def _refusal(token: Token | None, now: float) -> str:
    if token is None:
        return "there is no such join token"
    state = token.state(now)
    return "" if state is TokenState.VALID else f"this join token is {state}"
