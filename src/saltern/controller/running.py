"""A controller at work: its directories, its broker and its parts, put together."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec

from saltern.controller.admission import advertised
from saltern.controller.controller import Controller
from saltern.controller.files.backend import Backend, Place, build, usual
from saltern.controller.files.ignore import Ignoring
from saltern.controller.files.pushed import PushedFiles
from saltern.controller.groups import Groups
from saltern.controller.pillar.service import PillarPlaces
from saltern.controller.settings import ControllerSettings
from saltern.controller.store import Store
from saltern.foundation import atomic, settings
from saltern.foundation.clock import Clock, SystemClock
from saltern.foundation.errors import Conflict, NotFound, SettingsError
from saltern.foundation.layout import Layout
from saltern.identity import certificates
from saltern.identity.authority import Authority
from saltern.transport.broker import Broker, Listen, Trust, configuration
from saltern.transport.connection import Endpoint

log = logging.getLogger("saltern.controller")

_DAY = 86_400.0


def load_settings(layout: Layout) -> ControllerSettings:
    """Return ``controller.yaml`` of this installation. Raises SettingsError."""
    return settings.load(layout.settings / "controller.yaml", ControllerSettings)


@contextlib.asynccontextmanager
async def running(layout: Layout, chosen: ControllerSettings, clock: Clock) -> AsyncIterator[Controller]:
    """A controller at work, without its API; everything is ended on the way out."""
    home = atomic.private_directory(layout.controller)
    authority = Authority(home / "keys", clock)
    certificate, key, ca = certificates.ensure(home / "tls", clock.now())
    address = chosen.database or f"sqlite:///{home / 'store.db'}"
    async with await Store.open(address, anchor=home / "audit.anchor") as store:
        async with contextlib.AsyncExitStack() as stack:
            if chosen.fabric.urls:
                endpoint = dial = _external(chosen, ca)
            else:
                listen = _listen(chosen, certificate, key)
                endpoint = Endpoint(
                    advertised(chosen.fabric.listen, chosen.fabric.advertise), ca, certificates.BROKER_NAME
                )
                dial = Endpoint((_own_url(listen),), ca, certificates.BROKER_NAME)
            pushed = PushedFiles(home / "files/pushed", chosen.files, lambda key: controller.fleet.name(key))
            controller = Controller(
                store=store,
                authority=authority,
                endpoint=endpoint,
                dial=dial,
                settings=chosen,
                groups=Groups(
                    chosen.targets.nodegroups,
                    Path(chosen.targets.clusters or layout.settings / "clusters"),
                ),
                clock=clock,
                pillar_places=PillarPlaces(
                    settings=layout.settings,
                    directory=atomic.private_directory(home / "pillar"),
                    usual=layout.root / "srv/pillar",
                ),
                uploads=atomic.private_directory(home / "files"),
                backends=_backends(chosen, layout, pushed),
                pushed=pushed,
            )
            if not chosen.fabric.urls:
                account = await controller.admission.account_jwt()
                broker = Broker(
                    lambda: trust(authority, account, chosen),
                    listen,
                    home / "broker",
                    on_restart=lambda reason: controller.happenings.emit(
                        "broker/restarted", {"reason": reason}
                    ),
                )
                await broker.start()
                stack.push_async_callback(broker.stop)
                certifying = asyncio.create_task(_keep_certified(home / "tls", clock, broker.reload))
                stack.callback(certifying.cancel)
            await controller.start()
            stack.push_async_callback(controller.close)
            yield controller


def _backends(chosen: ControllerSettings, layout: Layout, pushed: PushedFiles) -> list[Backend]:
    """Return the file backends that are set, else the first usual directory that is there."""
    files = chosen.files
    places = [layout.root / "srv/saltern", layout.root / "srv/salt"]
    found = files.backends or usual(next((one for one in places if one.is_dir()), places[0]))
    made = build(found, Place(atomic.private_directory(layout.controller / "files"), pushed))
    if not files.ignore_glob and not files.ignore_regex:
        return made
    return [Ignoring(one, files.ignore_glob, files.ignore_regex) for one in made]


async def _keep_certified(directory: Path, clock: Clock, reload: Callable[[], None]) -> None:
    """Renew the broker's certificate in time, however long this controller runs."""
    while True:
        await asyncio.sleep(_DAY)
        try:
            certify(directory, clock.now(), reload)
        except OSError as error:
            log.error("the broker's certificate cannot be renewed: %s", error)


def certify(directory: Path, now: float, reload: Callable[[], None]) -> None:
    """Renew the broker's certificate if it is time, and have the broker ``reload`` it. Raises OSError."""
    certificate = directory / "broker.pem"
    before = certificate.read_bytes()
    certificates.ensure(directory, now)
    if certificate.read_bytes() != before:
        log.info("the broker's certificate is renewed")
        reload()


def trust(authority: Authority, account: str, chosen: ControllerSettings) -> Trust:
    """Return what a broker of ours believes."""
    return Trust(
        authority.operator_jwt(),
        authority.system.public,
        authority.system_jwt(),
        authority.account.public,
        account,
        authority.open_jwt() if chosen.enrolment.pending else "",
    )


def _listen(chosen: ControllerSettings, certificate: Path, key: Path) -> Listen:
    host, _, port = chosen.fabric.listen.rpartition(":")
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        raise SettingsError(f"fabric.listen is 'address:port', not {chosen.fabric.listen!r}")
    return Listen(
        host.strip("[]") or "0.0.0.0",  # noqa: S104
        int(port),
        certificate,
        key,
        chosen.fabric.max_storage,
        sync=chosen.fabric.sync,
    )


def _own_url(listen: Listen) -> str:
    """Return where this machine itself reaches a broker that listens there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104
    return f"tls://[{host}]:{listen.port}" if ":" in host else f"tls://{host}:{listen.port}"


def _external(chosen: ControllerSettings, ca: str) -> Endpoint:
    fabric = chosen.fabric
    if any(not url.startswith("tls://") for url in fabric.urls):
        raise SettingsError("fabric.urls are 'tls://host:port'", hint="agents trust no broker without TLS")
    if fabric.ca:
        try:
            ca = Path(fabric.ca).read_text()
        except OSError as error:
            raise SettingsError(f"fabric.ca cannot be read: {error}") from error
    host = fabric.host or ("" if fabric.ca else certificates.BROKER_NAME)
    return Endpoint(tuple(fabric.urls), ca, host)


def export_fabric(layout: Layout, directory: Path, *, at: Path | None, listen: str, name: str) -> list[Path]:
    """Write what a NATS server of one's own needs to be this controller's broker; return the files.

    ``at`` is where they will lie on the server's machine (default: where they are written now).
    """
    chosen, clock = load_settings(layout), SystemClock()
    authority = Authority(layout.controller / "keys", clock)
    certificate, key, _ = certificates.ensure(layout.controller / "tls", clock.now())
    place = at or directory.absolute()
    fabric = msgspec.structs.replace(chosen.fabric, listen=listen)
    where = _listen(
        msgspec.structs.replace(chosen, fabric=fabric), place / "broker.pem", place / "broker.key"
    )
    text = configuration(trust(authority, authority.account_jwt({}), chosen), where, place, name=name)
    atomic.private_directory(directory)
    files = {"nats-server.conf": text.encode(), "broker.pem": certificate.read_bytes()}
    files["broker.key"] = key.read_bytes()
    for file, content in files.items():
        atomic.write(directory / file, content)
    return [directory / file for file in files]


def fabric_fingerprint(layout: Layout) -> str:
    """Return the fingerprint of the CA that agents trust. Raises NotFound before the first start."""
    try:
        return certificates.fingerprint((layout.controller / "tls" / "ca.pem").read_text())
    except FileNotFoundError:
        raise NotFound(
            "this controller has no CA yet", hint="it makes one at its first start: saltern controller"
        ) from None


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the lock of this installation. Raises Conflict when another controller has it."""
    atomic.private_directory(home)
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            raise Conflict(f"a controller runs here already, process {pid}", where=str(home)) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
