"""Keep one example of every message of the wire, for ever.

    python -m tools.golden_frames [--replace]

Writes the files that are missing in ``tests/wire/v1``: the bytes, in hexadecimal, and what they mean. A file
that is there is a promise to programs already installed, and is left alone; ``--replace`` breaks the promise.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import msgspec
import nkeys

from saltern.identity.enrolment import prove
from saltern.identity.keys import KeyPair, Kind
from saltern.messages import v1
from saltern.messages.v1.orders import sign
from saltern.model.ids import AgentKey, JobId
from saltern.model.status import VERDICTS, Status

DIRECTORY = Path(__file__).parent.parent / "tests/wire/v1"

#: Keys that everybody knows, so that signatures are the same each time.
CONTROLLER = KeyPair(nkeys.encode_seed(bytes(range(32)), Kind.USER).decode())
AGENT = KeyPair(nkeys.encode_seed(bytes(range(32, 64)), Kind.USER).decode())

_KEY = AgentKey(AGENT.public)
_JID = JobId("20260102030405060708")
_AT = 1_767_323_045.25
_NONCE = bytes(range(12))
_VALUES = {"none": None, "yes": True, "big": 2**63, "minus": -1, "text": "Größe\n"}


def examples() -> dict[str, list[v1.Frame]]:
    """Return examples of each frame by its tag: one with every field set, then one with the fewest."""
    order = v1.Order(
        jid=_JID,
        to=_KEY,
        issued=_AT,
        expires=_AT + 60,
        nonce=_NONCE,
        fun="cmd.run",
        args=("uptime", 1, 2.5, None, ["a", {"b": False}]),
        kwargs={"timeout": 5, "env": _VALUES},
        timeout=300.0,
        user="root",
    )
    least = v1.Order(jid=_JID, to=_KEY, issued=_AT, expires=_AT + 60, nonce=_NONCE, fun="test.ping")
    error = v1.Error(kind="usage", message="no such thing", detail="Traceback", hint="try another")
    enrol: dict[str, Any] = {"key": _KEY, "name": "web1.example.com", "nonce": bytes(range(32))}
    proof = prove(AGENT, "enrol.open", "web1.example.com", bytes(range(32)))
    life: dict[str, Any] = {"issued": _AT, "expires": _AT + 2_592_000}
    found: list[list[v1.Frame]] = [
        [v1.decode(sign(CONTROLLER, order), v1.Signed)],
        [order, least],
        [
            v1.Cancel(jid=_JID, to=_KEY, issued=_AT, expires=_AT + 60, nonce=_NONCE, user="root"),
            v1.Cancel(jid=_JID, to=_KEY, issued=_AT, expires=_AT + 60, nonce=_NONCE),
        ],
        [
            v1.Probe(to=_KEY, issued=_AT, expires=_AT + 60, nonce=_NONCE, grains=True),
            v1.Probe(to=_KEY, issued=_AT, expires=_AT + 60, nonce=_NONCE),
        ],
        [v1.Ack(at=_AT, running=True), v1.Ack(at=_AT)],
        [v1.Progress(sequence=0, stream="stdout", data=b"half a line\xff")],
        [v1.Beat(at=_AT, started=_AT - 30)],
        [v1.Pulse(instance="0f" * 8, jobs=(_JID,), spooled=(_JID,)), v1.Pulse(instance="0f" * 8)],
        [
            v1.Return(
                verdict=Status.FAILED,
                retcode=2,
                data=b'{"a":1}',
                error=error,
                reason="it failed",
                started=_AT,
                finished=_AT + 1,
                snapshot={"base": "0f" * 32 + " main"},
            ),
            v1.Return(verdict=Status.OK, blob=v1.Blob(chunks=2, size=1_500_000, sha256=bytes(32))),
            *(v1.Return(verdict=status) for status in Status if status in VERDICTS),
        ],
        [v1.Chunk(data=b"a piece of JSON")],
        [v1.Grains(data=b'{"os":"Debian"}')],
        [v1.Event(at=_AT, data=_VALUES), v1.Event(at=_AT)],
        [
            v1.Hello(
                instance="0f" * 8, version="1.2.3", name="web1", host="0" * 32, jobs=(_JID,), spooled=(_JID,)
            ),
            v1.Hello(instance="0f" * 8, version="1.2.3", name="web1"),
        ],
        [
            v1.Welcome(now=_AT, name="web1", grains={"role": "web"}, tell_grains=True),
            v1.Welcome(now=_AT, name="web1"),
        ],
        [
            v1.Denied(code="clone", message="no", hint="look", final=True),
            v1.Denied(code="busy", message="no"),
        ],
        [v1.Renew()],
        [v1.Renewed(jwt="a.b.c", **life)],
        [
            v1.MinePut(
                entries={
                    "test.ping": v1.MineEntry(digest=bytes(32), data=b"true", allow="db*", allow_kind="pcre"),
                    "known": v1.MineEntry(digest=bytes(32)),
                },
                only=True,
            ),
            v1.MinePut(entries={}),
        ],
        [v1.MineKept(lacking=("known",)), v1.MineKept()],
        [
            v1.MineGet(
                target="os|Debian",
                functions=("a", "b"),
                kind="grain",
                delimiter="|",
                after=(_KEY, "a"),
            ),
            v1.MineGet(target="*", functions=("a",)),
        ],
        [v1.MineFound(data=b'{"a":{"web1":1}}', after=(_KEY, "a")), v1.MineFound(data=b"{}")],
        [v1.MineDrop(functions=("a",)), v1.MineDrop()],
        [
            v1.Publish(
                target="os|Debian",
                fun="test.arg",
                args=(1, "a"),
                kwargs={"b": [None]},
                kind="grain",
                delimiter="|",
                timeout=10.0,
            ),
            v1.Publish(target="*", fun="test.ping"),
        ],
        [v1.Published(jid=_JID, data=b'{"web1":true}')],
        [v1.Question(nonce=bytes(range(16)), body=b"a frame")],
        [v1.Answered(to=_KEY, nonce=bytes(range(16)), body=b"a frame")],
        [v1.Parts(id=_NONCE, size=1_500_000, count=3)],
        [v1.More(id=_NONCE, number=2)],
        [v1.Part(data=b"a part of a signed answer")],
        [v1.AskFiles(saltenvs=("base", "dev"), since=_AT), v1.AskFiles()],
        [
            v1.FilesAre(
                names=("base", "dev"),
                environments={"base": v1.Environment(sha256=bytes(32), size=340, revision="0f" * 20)},
            ),
            v1.FilesAre(names=()),
        ],
        [v1.AskPieces(pieces=((bytes(32), 0, 1), (bytes(range(32)), 8, 8)))],
        [v1.Piece(data=b"a piece of a file")],
        [v1.Missing(sha256=(bytes(32),))],
        [
            v1.Push(path="etc/motd", sha256=bytes(32), size=7, mode=0o600, sent=True),
            v1.Push(path="etc/motd", sha256=bytes(32), size=7),
        ],
        [v1.Pushed(done=True)],
        [v1.Restored(lost=(bytes(32),)), v1.Restored()],
        [v1.AskPillar(pillarenv="dev", saltenv="base"), v1.AskPillar()],
        [v1.PillarIs(data=b"\x81\xa1a\x01", strategy="recurse", merge_lists=True), v1.PillarIs(data=b"\x80")],
        [v1.Enrol(proof=proof, version="1.2.3", **enrol), v1.Enrol(proof=proof, **enrol)],
        [
            v1.Enrolled(
                name="web1",
                jwt="a.b.c",
                signer=CONTROLLER.public,
                urls=("tls://192.0.2.1:4222", "tls://[2001:db8::1]:4222"),
                ca="-----BEGIN CERTIFICATE-----\n",
                host="broker.saltern.internal",
                grains={"role": "web"},
                **life,
            ),
            v1.Enrolled(
                name="web1",
                jwt="a.b.c",
                signer=CONTROLLER.public,
                urls=("tls://192.0.2.1:4222",),
                ca="",
                **life,
            ),
        ],
        [v1.Pending(fingerprint="SHA256:x", retry=10.0), v1.Pending(fingerprint="SHA256:x")],
        [v1.AskAuthority()],
        [v1.Authority(ca="-----BEGIN CERTIFICATE-----\n")],
    ]
    return {tag(type(frames[0])): frames for frames in found}


def tag(kind: type[v1.Frame]) -> str:
    """Return how a kind of frame is called on the wire."""
    return str(kind.__struct_config__.tag)


def described(frame: v1.Frame) -> dict[str, Any]:
    """Return a frame as it is kept: its bytes as lines of hexadecimal, its value with bytes in base 64."""
    return {"hex": textwrap.wrap(v1.encode(frame).hex(), 100), "value": msgspec.to_builtins(frame)}


def main() -> int:
    """Write what is missing; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--replace", action="store_true", help="write files that are there, too")
    options = parser.parse_args()
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, frames in examples().items():
        path = DIRECTORY / f"{name}.json"
        if options.replace or not path.exists():
            path.write_text(
                json.dumps([described(frame) for frame in frames], indent=1, ensure_ascii=False) + "\n"
            )
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
