"""Real hosts on one machine: Debian with systemd as process 1, each with its own files, users and network.

``with Lab() as lab: web = lab.host("web")`` starts one in a second; ``web.run("systemctl", "status")`` runs
a program in it; leaving the ``with`` removes everything. Needs root on Debian with mmdebstrap,
systemd-container and iproute2; ``why_not()`` gives the reason where it can't be had. The root file system
is built once (half a minute) and kept; hosts are overlays on it. Their network lies in a namespace of its
own with no way out, but for the machine's package sources.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import psutil

from saltern.foundation.errors import Unavailable
from saltern.testing import lab_image
from saltern.testing.lab_host import LabHost, shared
from saltern.testing.lab_packages import PORT, PackageProxy

__all__ = ["Lab", "LabHost", "why_not"]

#: Addresses for tests of networks (RFC 2544). Every lab has the same: their networks don't meet.
NETWORK = ipaddress.ip_network("198.18.77.0/24")
CAPABILITIES = "CAP_NET_ADMIN,CAP_SYS_ADMIN,CAP_NET_RAW,CAP_MKNOD"
_PROGRAMS = ("mmdebstrap", "systemd-nspawn", "nsenter", "ip", "mount")
#: Each systemd takes about six inotify instances; the kernel's default for a user is 128.
_INOTIFY, _INOTIFY_WANTED = Path("/proc/sys/fs/inotify/max_user_instances"), 1024
#: Moves itself into the control groups named before ``--``, then becomes the program.
_ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"'


def why_not() -> str:
    """Return why this machine can't have lab hosts; nothing when it can."""
    if os.geteuid() != 0:
        return "lab hosts need root"
    if lab_image.release().get("ID") != "debian":
        return "lab hosts need Debian"
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"lab hosts need {', '.join(missing)}: run tools/system-packages"
    tried = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True)
    return "" if tried.returncode == 0 else "this machine gives no namespaces"


class Lab:
    """Some hosts and the network between them. One process may have several labs."""

    def __init__(self) -> None:
        self._root = lab_image.base()
        self._parent = lab_image.cache() / "labs"
        self._hosts: list[LabHost] = []
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._parent.mkdir(exist_ok=True)
        with contextlib.suppress(PermissionError):
            if int(_INOTIFY.read_text()) < _INOTIFY_WANTED:
                _INOTIFY.write_text(str(_INOTIFY_WANTED))
        with lab_image.alone():
            _remove_what_was_left(self._parent)
            self._settle()
        try:
            self._make_switch()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def switch(self) -> str:
        """The network namespace where the hosts' links meet; we are at ``address`` in it."""
        return f"{self.home.name}-sw"

    @property
    def what(self) -> str:
        """What the hosts are, for people."""
        of = lab_image.release()
        return f"{of.get('PRETTY_NAME', '')}, systemd as process 1, root, kernel {os.uname().release}"

    @property
    def address(self) -> str:
        """This machine's address for the hosts."""
        return str(NETWORK[1])

    def up(
        self, *names: str, capabilities: str = CAPABILITIES, binds: Iterable[tuple[Path, str]] = ()
    ) -> list[LabHost]:
        """Start hosts and wait until they are up.

        ``binds`` are directories of this machine with the place where the hosts see them.
        Raises Unavailable when the machine refuses.
        """
        made = []
        for name in names:
            host = self._make(name, capabilities, binds)
            host.start()
            made.append(host)
        for host in made:
            host.wait()
        return made

    def host(self, name: str) -> LabHost:
        """Start one host and wait until it is up."""
        (made,) = self.up(name)
        return made

    def inside(self, *argv: str) -> str:
        """Run a program in the network of the hosts, outside of them; return its output."""
        return _run("ip", "netns", "exec", self.switch, *argv)

    def down(self) -> None:
        """Switch everything off and remove it."""
        self._undo.close()
        self._hosts.clear()

    # --- making -------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Make the lab's directory; the lock in it says that we are alive."""
        self.home = self._parent / f"slt{secrets.token_hex(3)}"
        self.home.mkdir(mode=0o700)
        self._undo.callback(shutil.rmtree, self.home)
        lock = self._undo.enter_context((self.home / "lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)

    def _make_switch(self) -> None:
        switch = self.switch
        _run("ip", "netns", "add", switch)
        self._undo.callback(_run, "ip", "netns", "delete", switch)
        _run("ip", "-n", switch, "link", "set", "lo", "up")
        _run("ip", "-n", switch, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        _run("ip", "-n", switch, "address", "add", f"{self.address}/{NETWORK.prefixlen}", "dev", "br0")
        _run("ip", "-n", switch, "link", "set", "br0", "up")
        # What lies outside is refused at once, where hosts would wait for an answer.
        _run("ip", "netns", "exec", switch, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        _run("ip", "-n", switch, "route", "add", "unreachable", "default")
        space = Path("/run/netns", switch)
        proxy = PackageProxy(space, self.address, lab_image.sources(), lab_image.cache() / "packages")
        self._undo.callback(proxy.close)

    def _make(self, name: str, capabilities: str, binds: Iterable[tuple[Path, str]]) -> LabHost:
        number = len(self._hosts)
        home, tag, address = self.home / name, f"{self.home.name}-{number}", str(NETWORK[10 + number])
        self._mount(home)
        self._connect(tag, address, f"h{number}")
        _furnish(home / "root", name, address, self.address)
        groups = list(self._control_groups(tag))
        nspawn = ["systemd-nspawn", "--quiet", "--directory", str(home / "root"), f"--machine={tag}"]
        nspawn += [
            f"--hostname={name}",
            "--register=no",
            "--keep-unit",
            "--resolv-conf=off",
            "--timezone=off",
        ]
        nspawn += ["--link-journal=no", "--console=pipe", f"--network-namespace-path=/run/netns/{tag}"]
        nspawn += [f"--capability={capabilities}", "--system-call-filter=@keyring bpf"]
        nspawn += [f"--bind-ro={here}:{there}" for here, there in shared(self._root).items()]
        nspawn += [f"--bind={here}:{there}" for here, there in binds]
        host = LabHost(
            home, name, address, self._root, ["sh", "-c", _ENTER, "sh", *groups, "--", *nspawn, "--boot"]
        )
        self._undo.callback(host.kill)
        self._hosts.append(host)
        return host

    def _mount(self, home: Path) -> None:
        for part in ("upper", "work", "root"):
            (home / part).mkdir(parents=True)
        layers = f"lowerdir={self._root},upperdir={home}/upper,workdir={home}/work,volatile"
        _run("mount", "-t", "overlay", "overlay", "-o", layers, str(home / "root"))
        self._undo.callback(_run, "umount", "--lazy", str(home / "root"))

    def _connect(self, tag: str, address: str, port: str) -> None:
        _run("ip", "netns", "add", tag)
        self._undo.callback(_run, "ip", "netns", "delete", tag)
        _run(
            "ip", "-n", self.switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", tag
        )
        _run("ip", "-n", self.switch, "link", "set", port, "master", "br0", "up")
        _run("ip", "-n", tag, "link", "set", "lo", "up")
        _run("ip", "-n", tag, "address", "add", f"{address}/{NETWORK.prefixlen}", "dev", "eth0")
        _run("ip", "-n", tag, "link", "set", "eth0", "up")
        _run("ip", "-n", tag, "route", "add", "default", "via", self.address)

    def _control_groups(self, tag: str) -> Iterator[str]:
        """Make a control group for a host in each tree: in one and the same they'd be one to systemd."""
        top = Path("/sys/fs/cgroup")
        trees = (
            [top]
            if (top / "cgroup.procs").exists()
            else [one for one in top.iterdir() if not one.is_symlink()]
        )
        for tree in trees:
            if tree.name in ("cgroup", "systemd", "unified", "pids", "memory", "cpu"):
                group = tree / tag
                group.mkdir()
                self._undo.callback(_remove_group, group)
                yield str(group)


def _furnish(root: Path, name: str, address: str, switch: str) -> None:
    """Tell a host who and where it is."""
    (root / "etc/hostname").write_text(f"{name}\n")
    (root / "etc/hosts").write_text(
        f"127.0.0.1 localhost\n{address} {name}.lab.test {name}\n{switch} switch.lab.test\n"
    )
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text(
        f"nameserver {switch}\nsearch lab.test\noptions timeout:1 attempts:1\n"
    )
    (root / "etc/apt/apt.conf.d/01lab").write_text(f'Acquire::http::Proxy "http://{switch}:{PORT}";\n')


def _remove_what_was_left(parent: Path) -> None:
    """Remove labs whose process has been killed: nobody holds their lock."""
    for home in parent.iterdir():
        with contextlib.suppress(FileNotFoundError, BlockingIOError), (home / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(home)


def _remove(home: Path) -> None:
    for written in home.glob("*/pid"):
        _kill(int(written.read_text()), home.name)
    for host in home.glob("*/root"):
        subprocess.run(["umount", "--lazy", str(host)], capture_output=True)
    for space in Path("/run/netns").glob(f"{home.name}-*"):
        subprocess.run(["ip", "netns", "delete", space.name], capture_output=True)
    shutil.rmtree(home, ignore_errors=True)


def _kill(number: int, lab: str) -> None:
    """Kill a host's process and its first one, if that number is still theirs."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        if any(word.startswith(f"--machine={lab}-") for word in process.cmdline()):
            for one in (*process.children(), process):
                one.kill()


def _remove_group(group: Path) -> None:
    """Remove a control group and those that systemd made in it."""
    from saltern.testing.conditions import eventually

    def gone() -> bool:
        for below, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(below)
        return not group.exists()

    eventually(gone, what=f"{group} is gone")


def _run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
