"""Every message of version 1. MessagePack; unknown fields are ignored, missing ones have defaults.

Whose message it is says the subject it came on, which the broker guards; no field does.
Times are seconds since the epoch on the controller's clock; durations are seconds.
"""

from __future__ import annotations

from typing import Any

import msgspec

from saltern.model.ids import AgentKey, JobId
from saltern.model.status import Status


class Frame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="t"):
    """What all messages are."""


# --- controller to agent, on ``job.<KEY>``, always inside a Signed ------------------------------------


class Signed(Frame, frozen=True, kw_only=True, tag="signed"):
    """A body and the controller's Ed25519 signature over ``PURPOSE + body``."""

    body: bytes
    signature: bytes


class Order(Frame, frozen=True, kw_only=True, tag="order"):
    """Run this function. Refused after ``expires``, and a second time always."""

    jid: JobId
    to: AgentKey
    issued: float
    expires: float
    nonce: bytes
    fun: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    timeout: float = 0.0  # seconds it may run; 0 is no limit
    user: str = ""


class Cancel(Frame, frozen=True, kw_only=True, tag="cancel"):
    """Stop that job: kill its whole process group."""

    jid: JobId
    to: AgentKey
    issued: float
    expires: float
    nonce: bytes
    user: str = ""


class Probe(Frame, frozen=True, kw_only=True, tag="probe"):
    """Say which jobs you have. Answered by a Pulse on ``live.<KEY>.pulse``; ``grains``: publish them too."""

    to: AgentKey
    issued: float
    expires: float
    nonce: bytes
    grains: bool = False


# --- agent to controller, on ``live.<KEY>.<jid>``: heard or not, nothing depends on it ----------------


class Ack(Frame, frozen=True, kw_only=True, tag="ack"):
    """The job is on the agent's disk. ``running`` when it has started, else it waits for a free worker."""

    at: float
    running: bool = False


class Progress(Frame, frozen=True, kw_only=True, tag="progress"):
    """Output as it comes. ``sequence`` counts from 0 per job; a gap means some was dropped."""

    sequence: int
    stream: str  # stdout, stderr, or a name the function chose
    data: bytes


class Beat(Frame, frozen=True, kw_only=True, tag="beat"):
    """A long job is alive."""

    at: float
    started: float


class Pulse(Frame, frozen=True, kw_only=True, tag="pulse"):
    """The answer to a Probe: the agent's present jobs, and returns not yet handed over."""

    instance: str
    jobs: tuple[JobId, ...] = ()
    spooled: tuple[JobId, ...] = ()


# --- agent to controller, on ``ret.<KEY>.<jid>``: captured by the stream RETURNS ----------------------


class Error(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a function failed."""

    kind: str  # the error's stable code or type
    message: str
    detail: str = ""  # the traceback, for the curious
    hint: str = ""


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """Data too large for one message: ``chunks`` messages on ``blob.<KEY>.<jid>.<n>``, n from 0."""

    chunks: int
    size: int
    sha256: bytes


class Return(Frame, frozen=True, kw_only=True, tag="return"):
    """The end of a job. ``data`` is JSON, or absent when ``blob`` tells where it is."""

    verdict: Status
    retcode: int = 0
    data: bytes = b""
    blob: Blob | None = None
    error: Error | None = None
    reason: str = ""
    started: float | None = None
    finished: float | None = None
    snapshot: dict[str, str] = {}  # environments that were used: SHA-256, and revision if there is one


class Chunk(Frame, frozen=True, kw_only=True, tag="chunk"):
    """A piece of a Blob, on ``blob.<KEY>.<jid>.<n>``, captured by the stream BLOBS."""

    data: bytes


# --- agent to controller, on ``$KV.grains.<KEY>``: the bucket's stream keeps the last -----------------

# The broker itself answers whoever publishes to a stream, on the subject that the publisher chose. So its
# answers, JSON, can be made to land on any subject, and nothing may be stored that could be one of them.


class Grains(Frame, frozen=True, kw_only=True, tag="grains"):
    """What an agent says of its machine: a JSON object."""

    data: bytes


# --- agent to controller, on ``event.<KEY>.<tag>``: captured by the stream EVENTS ---------------------


class Event(Frame, frozen=True, kw_only=True, tag="event"):
    """Something happened there."""

    at: float
    data: dict[str, Any] = {}


# --- agent asks, on ``rpc.<KEY>.<service>`` ------------------------------------------------------------


class Hello(Frame, frozen=True, kw_only=True, tag="hello"):
    """First word on every connection. Jobs are taken only once it is answered by Welcome."""

    instance: str  # new at every start of the agent's process
    version: str
    name: str
    host: str = ""  # machine id, to tell a cloned disk
    jobs: tuple[JobId, ...] = ()  # running here
    spooled: tuple[JobId, ...] = ()  # finished here, return not yet handed over


class Welcome(Frame, frozen=True, kw_only=True, tag="welcome"):
    """You are who you say. ``now`` is the controller's time, ``name`` the name you go by."""

    now: float
    name: str
    grains: dict[str, str] = {}  # granted by your join token
    tell_grains: bool = False  # we do not have yours


class Denied(Frame, frozen=True, kw_only=True, tag="denied"):
    """No, and why. ``final`` means asking again is of no use."""

    code: str
    message: str
    hint: str = ""
    final: bool = False


class Renew(Frame, frozen=True, kw_only=True, tag="renew"):
    """Give me a new credential."""


class Renewed(Frame, frozen=True, kw_only=True, tag="renewed"):
    """The new credential: a NATS user JWT; valid until ``expires``."""

    jwt: str
    issued: float
    expires: float


# Services other than hello and renew are asked with a Question, and answered by a Signed whose body is an
# Answered: who has stolen the right to write to an agent still can't make it take a file or a pillar. An
# answer too large for one message is announced by Parts, and its parts are asked for by number.


class Question(Frame, frozen=True, kw_only=True, tag="question"):
    """``body`` is a frame of the service's; ``nonce`` is new for each question."""

    nonce: bytes
    body: bytes


class Answered(Frame, frozen=True, kw_only=True, tag="answered"):
    """The answer to the Question with this nonce, for the agent that asked it; ``body`` is a frame."""

    to: AgentKey
    nonce: bytes
    body: bytes


class Parts(Frame, frozen=True, kw_only=True, tag="parts"):
    """The answer has ``size`` bytes, in ``count`` parts: ask for each with More."""

    id: bytes
    size: int
    count: int


class More(Frame, frozen=True, kw_only=True, tag="more"):
    """Give me part ``number``, from 0; on ``rpc.<KEY>.more``, which every controller hears."""

    id: bytes
    number: int


class Part(Frame, frozen=True, kw_only=True, tag="part"):
    """A part of an answer."""

    data: bytes


class MineEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a function returned, for other agents to read. ``digest`` is the SHA-256 of all the rest."""

    digest: bytes
    data: bytes | None = None  # JSON; None: you have it already, if your digest is the same
    allow: str = ""  # a target: who may read it; empty: everybody
    allow_kind: str = "glob"


class MinePut(Frame, frozen=True, kw_only=True, tag="mine-put"):
    """Keep these for others to read, by name. Answered by MineKept."""

    entries: dict[str, MineEntry]
    only: bool = False  # forget all that are not named here


class MineKept(Frame, frozen=True, kw_only=True, tag="mine-kept"):
    """Done; ``lacking`` came without data, and we have it not, or another."""

    lacking: tuple[str, ...] = ()


class MineGet(Frame, frozen=True, kw_only=True, tag="mine-get"):
    """What do these agents have under these names? Answered by MineFound."""

    target: str
    functions: tuple[str, ...]
    kind: str = "glob"
    delimiter: str = ":"
    after: tuple[AgentKey, str] | None = None  # go on where the last answer ended


class MineFound(Frame, frozen=True, kw_only=True, tag="mine-found"):
    """The answer, or its next part: a JSON object ``{function: {agent: data}}``."""

    data: bytes
    after: tuple[AgentKey, str] | None = None  # there is more: ask again with this


class MineDrop(Frame, frozen=True, kw_only=True, tag="mine-drop"):
    """Forget these, or all that is mine. Answered by MineKept."""

    functions: tuple[str, ...] | None = None


class Publish(Frame, frozen=True, kw_only=True, tag="publish"):
    """Run a function on other agents in my name, and wait for what they return. Answered by Published."""

    target: str
    fun: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    kind: str = "glob"
    delimiter: str = ":"
    timeout: float = 5.0  # seconds to wait


class Published(Frame, frozen=True, kw_only=True, tag="published"):
    """What has come back by then: a JSON object ``{agent: data}``. ``jid`` is empty when nobody was meant."""

    jid: str
    data: bytes


# --- files: what they are is answered by a controller; what is in them comes from the stream FILES ---------


class AskFiles(Frame, frozen=True, kw_only=True, tag="ask-files"):
    """Service ``files``: what are these environments, as they were at ``since`` or later?"""

    saltenvs: tuple[str, ...] = ()
    since: float = 0.0


class Environment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A snapshot: SHA-256 and size of its manifest's root, and a revision such as a git commit."""

    sha256: bytes
    size: int
    revision: str = ""


class FilesAre(Frame, frozen=True, kw_only=True, tag="files-are"):
    """Those asked for that are served, and the names of all that are listed."""

    names: tuple[str, ...]
    environments: dict[str, Environment] = {}


class AskPieces(Frame, frozen=True, kw_only=True, tag="ask-pieces"):
    """Service ``pieces``: have the broker send these to the reply subject: (SHA-256, first, count) each.

    What comes is the messages of ``file.<SHA-256>.<n>``, with the headers of a direct get, then its end.
    """

    pieces: tuple[tuple[bytes, int, int], ...]


class Piece(Frame, frozen=True, kw_only=True, tag="piece"):
    """A part of a file, on ``file.<SHA-256>.<n>``, captured by the stream FILES."""

    data: bytes


class Missing(Frame, frozen=True, kw_only=True, tag="missing"):
    """Service ``missing``: the stream does not have these, or something else in their place."""

    sha256: tuple[bytes, ...]


class Restored(Frame, frozen=True, kw_only=True, tag="restored"):
    """They are in the stream, again or after all; all but those that nobody has any more."""

    lost: tuple[bytes, ...] = ()


# --- pillar ------------------------------------------------------------------------------------------------


class AskPillar(Frame, frozen=True, kw_only=True, tag="ask-pillar"):
    """Service ``pillar``: give me mine, of all pillar environments or of this one."""

    pillarenv: str = ""
    saltenv: str = ""


class PillarIs(Frame, frozen=True, kw_only=True, tag="pillar-is"):
    """The pillar (``engine.pillar_data``), and how what is given for one run is merged with it."""

    data: bytes
    strategy: str = "smart"
    merge_lists: bool = False


class Push(Frame, frozen=True, kw_only=True, tag="push"):
    """Service ``push``: here is a file. When ``sent``, it lies on ``blob.<KEY>.push-<SHA-256>.<n>``."""

    path: str
    sha256: bytes
    size: int
    mode: int = 0o644
    sent: bool = False


class Pushed(Frame, frozen=True, kw_only=True, tag="pushed"):
    """``done``: it is kept. Else it is welcome, and to be sent."""

    done: bool


# --- enrolment, on ``enrol.<TOKEN>`` -------------------------------------------------------------------


class Enrol(Frame, frozen=True, kw_only=True, tag="enrol"):
    """Take me in. ``proof`` is ``identity.enrolment.prove`` with the private half of ``key``."""

    key: AgentKey
    name: str
    nonce: bytes
    proof: bytes
    version: str = ""


class Enrolled(Frame, frozen=True, kw_only=True, tag="enrolled"):
    """You are in: your credential, the names of things, and who signs jobs."""

    name: str
    jwt: str
    issued: float
    expires: float
    signer: str
    urls: tuple[str, ...]
    ca: str  # PEM; what the broker's certificate is checked against
    host: str = ""  # the name that certificate must have; empty: the URL's
    grains: dict[str, str] = {}


class Pending(Frame, frozen=True, kw_only=True, tag="pending"):
    """An operator must accept you first; ask again in ``retry`` seconds."""

    fingerprint: str
    retry: float = 5.0


class AskAuthority(Frame, frozen=True, kw_only=True, tag="authority"):
    """Without a token: what is your CA? The asker compares its fingerprint before it trusts it."""


class Authority(Frame, frozen=True, kw_only=True, tag="authority-is"):
    """The CA's certificate."""

    ca: str
