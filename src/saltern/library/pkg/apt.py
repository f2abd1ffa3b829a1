"""Debian's packages: dpkg knows what is there, apt what could be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from saltern.library.pkg import versions
from saltern.library.pkg.manager import (
    PATIENCE,
    Available,
    Differences,
    Managing,
    Options,
    Versions,
    Wish,
)
from saltern.sdk import BadArgument, NotFound, nearest

#: Seconds to wait for another process that has dpkg's lock.
_LOCK = 300
_LISTS = "/var/lib/apt/lists"
_ARCHIVES = "/var/cache/apt/archives"
_SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d")
_STAMP = "/var/lib/apt/periodic/update-success-stamp"
_QUIET: Mapping[str, str] = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "APT_LISTBUGS_FRONTEND": "none",
    "NEEDRESTART_SUSPEND": "1",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
#: apt keeps what it works out in files; whoever only looks must not write them.
_IN_MEMORY = ("-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=")
_UNLOCKED = ("-o", "Debug::NoLocking=1")
_CACHE = "/var/cache/apt/pkgcache.bin"
_STATUS = "/var/lib/dpkg/status"
_STEP = re.compile(r"(Inst|Remv|Purg) (\S+)(?: \[([^\]]*)\])?(?: \((\S+) .*?\[(\w+)\]\))?")
_POLICY_VERSION = re.compile(r"^ (?:\*\*\*|   ) (\S+) -?\d+$")
_FETCHED = re.compile(r"^(Get|Hit|Ign|Err):\d+ (.+)$")
_REFRESH = "are the package lists new enough? refresh: True fetches them"
_HOLDER = re.compile(r"It is held by process (\d+) \(([^)]*)\)")


class Apt(Managing):
    """Packages by dpkg and apt."""

    name = "apt"
    NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?", re.ASCII | re.IGNORECASE)

    def compare(self, one: str, other: str) -> int:
        """Compare as dpkg does."""
        return versions.debian(one, other)

    # --- what is there -----------------------------------------------------------------------------------

    def installed(self) -> Versions:
        """Return what dpkg calls installed; foreign architectures are part of the name."""
        found: dict[str, list[str]] = {}
        for name, status, version, _ in self._records():
            if status[1:2] in "iUFHWtT" and status[1:2]:
                found.setdefault(name, []).append(version)
        return found

    def leftovers(self) -> Mapping[str, str]:
        """Return packages that are removed, but not their configuration."""
        return {name: version for name, status, version, _ in self._records() if status[1:2] == "c"}

    def provided(self) -> Mapping[str, str]:
        """Return virtual packages that are provided by something installed."""
        return {
            virtual.split()[0]: name
            for name, status, _, provides in self._records()
            if status[1:2] == "i"
            for virtual in provides.split(", ")
            if virtual
        }

    def held(self) -> Sequence[str]:
        """Return packages whose wanted state is hold."""
        return sorted(name for name, status, _, _ in self._records() if status.startswith("h"))

    def _records(self) -> Iterator[tuple[str, str, str, str]]:
        form = "${Package}\\t${Architecture}\\t${db:Status-Abbrev}\\t${Version}\\t${Provides}\\n"
        native = str(self.host.grains.get("osarch", ""))
        for line in self.ask("dpkg-query", "--showformat", form, "--show").splitlines():
            name, architecture, status, version, provides = line.split("\t")
            foreign = native and architecture not in ("", "all", native)
            yield f"{name}:{architecture}" if foreign else name, status, version, provides

    def owners(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the packages that paths belong to."""
        found = dict.fromkeys(paths, "")
        said = self.ask("dpkg-query", "--search", "--", *paths, codes=(0, 1))
        for line in said.splitlines():
            package, _, path = line.partition(": ")
            if path in found:
                found[path] = package.partition(",")[0]
        return found

    def files(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the paths each package brought."""
        return {
            name: [line for line in self.ask("dpkg-query", "--listfiles", name).splitlines() if line != "/."]
            for name in self.names(names)
        }

    def info(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return what dpkg knows of installed packages."""
        fields = {
            "Package": "package",
            "Architecture": "arch",
            "Version": "version",
            "Source": "source",
            "Section": "group",
            "Maintainer": "packager",
            "Homepage": "url",
            "Installed-Size": "install_size",
            "binary:Summary": "summary",
            "db:Status-Abbrev": "status",
        }
        form = "\\t".join(f"${{{field}}}" for field in fields) + "\\n"
        said = self.ask("dpkg-query", "--showformat", form, "--show", *self.names(names), codes=(0, 1))
        records = [
            dict(zip(fields.values(), line.split("\t"), strict=True))
            for line in said.splitlines()
            if line.count("\t") == len(fields) - 1
        ]
        found: dict[str, Mapping[str, str]] = {}
        for record in records:
            if record.pop("status").startswith("ii"):
                found[record.pop("package")] = {key: value for key, value in record.items() if value}
        return found

    def wrong(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the files whose checksums differ, or that are missing."""
        found: dict[str, dict[str, str]] = {}
        for name in self.names(names):
            for line in self.ask("dpkg", "--verify", name, codes=(0, 1)).splitlines():
                flags, _, rest = line.partition(" ")
                kind, _, path = rest.strip().rpartition(" ")
                if kind != "c":
                    found.setdefault(name, {})[path] = "missing" if flags == "missing" else "changed"
        return found

    def downloaded(self) -> Versions:
        """Return the packages in apt's archive of them."""
        found: dict[str, list[str]] = {}
        for file in self.host.list_directory(_ARCHIVES) if self.host.exists(_ARCHIVES) else []:
            name, _, rest = file.removesuffix(".deb").partition("_")
            if file.endswith(".deb") and rest:
                found.setdefault(name, []).append(unquote(rest.rpartition("_")[0]))
        return found

    # --- what could be -----------------------------------------------------------------------------------

    def stale(self) -> float:
        """Return the age of the lists by the newest sign of an update; infinite when sources are newer."""
        listed = self._modified(_LISTS)
        if not any("_dists_" in name or "Packages" in name for name in self._lists()):
            return math.inf
        newest = max(listed, self._modified(_STAMP), self._modified(f"{_LISTS}/partial"))
        if any(self._modified(path) > newest for path in self._sources()):
            return math.inf
        return max(0.0, self.host.now() - newest)

    def _lists(self) -> list[str]:
        return self.host.list_directory(_LISTS)

    def _sources(self) -> list[str]:
        single, folder = _SOURCES
        inside = self.host.list_directory(folder) if self.host.exists(folder) else []
        return [single, folder, *(f"{folder}/{name}" for name in inside)]

    def _modified(self, path: str) -> float:
        found = self.host.stat(path)
        return found.modified if found is not None else 0.0

    def refresh(self) -> Mapping[str, bool | None]:
        """Update the lists. Raises CommandFailed when a source could not be fetched."""
        done = self.act(
            "apt-get", "-q", "-o", f"DPkg::Lock::Timeout={_LOCK}", "update", environment=_QUIET, timeout=1800
        )
        self.host.set_times(_LISTS, self.host.now(), self.host.now())
        said = done.stdout.decode(errors="replace")
        verdicts: dict[str, bool | None] = {"Get": True, "Hit": None, "Ign": False, "Err": False}
        found: dict[str, bool | None] = {}
        for line in said.splitlines():
            step = _FETCHED.match(line)
            if step:
                found[re.sub(r" \[[^\]]*\]$", "", step[2])] = verdicts[step[1]]
        return found

    def available(self, names: Sequence[str], fromrepo: str = "") -> Mapping[str, Available]:
        """Return what ``apt-cache policy`` says."""
        wanted = self.names(names)
        if not wanted:
            return {}
        release = ("-o", f"APT::Default-Release={fromrepo}") if fromrepo else ()
        found: dict[str, Available] = {}
        name, candidate, all_versions = "", "", list[str]()
        for line in [
            *self.ask("apt-cache", *self._looking(), *release, "policy", *wanted).splitlines(),
            "end:",
        ]:
            if line.endswith(":") and not line.startswith(" "):
                if name and all_versions:
                    found[name] = Available(tuple(all_versions), candidate)
                name, candidate, all_versions = line[:-1], "", []
            elif line.startswith("  Candidate: "):
                candidate = line.removeprefix("  Candidate: ").replace("(none)", "")
            elif version := _POLICY_VERSION.match(line):
                all_versions.append(version[1])
        return {asked: found[asked] for asked in wanted if asked in found and found[asked].candidate}

    def is_virtual(self, name: str) -> bool:
        """Tell whether something is only provided by other packages."""
        said = self.ask("apt-cache", *self._looking(), "showpkg", name, codes=(0, 100))
        return bool(said.partition("Reverse Provides:")[2].strip())

    # --- transactions --------------------------------------------------------------------------------------

    def simulate(self, wishes: Sequence[Wish], options: Options) -> Differences | None:
        """Return what ``apt-get --simulate install`` says."""
        if any(wish.file for wish in wishes):
            return None
        return self._simulated("install", *self._how(options), "--", *self._words(wishes))

    def install(self, wishes: Sequence[Wish], options: Options) -> None:
        """Install by apt-get."""
        self._require_known(wishes)
        more = ["--download-only"] if options.download_only else []
        self._transact("install", *self._how(options), *more, "--", *self._words(wishes), options=options)

    def simulate_removal(self, names: Sequence[str], *, purge: bool) -> Differences | None:
        """Return what ``apt-get --simulate remove`` says."""
        return self._simulated("purge" if purge else "remove", "--", *self.names(names))

    def remove(self, names: Sequence[str], *, purge: bool, timeout: float = PATIENCE) -> None:
        """Remove by apt-get."""
        verb = "purge" if purge else "remove"
        self._transact(verb, "--", *self.names(names), options=Options(timeout=timeout))

    def upgrades(self, *, dist_upgrade: bool = False) -> Differences:
        """Return what ``apt-get --simulate upgrade`` says."""
        found = self._simulated("dist-upgrade" if dist_upgrade else "upgrade", "--with-new-pkgs")
        return {name: change for name, change in found.items() if change["new"]}

    def upgrade(self, *, dist_upgrade: bool = False, options: Options) -> None:
        """Upgrade by apt-get."""
        verb = "dist-upgrade" if dist_upgrade else "upgrade"
        self._transact(verb, "--with-new-pkgs", *self._how(options), options=options)

    def autoremove(self, *, purge: bool, simulate: bool) -> Differences:
        """Remove by ``apt-get autoremove``."""
        more = ["--purge"] if purge else []
        found = self._simulated("autoremove", *more)
        if found and not simulate:
            self._transact("autoremove", *more, options=Options())
        return found

    def hold(self, names: Sequence[str]) -> None:
        """Hold by apt-mark."""
        self.act("apt-mark", "hold", *self.names(names))

    def unhold(self, names: Sequence[str]) -> None:
        """Release by apt-mark."""
        self.act("apt-mark", "unhold", *self.names(names))

    def _require_known(self, wishes: Sequence[Wish]) -> None:
        """apt takes unknown names for patterns, and ``-`` at the end for a removal."""
        named = [wish.name for wish in wishes if not wish.file]
        known = self.available(named)
        missing = [name for name in named if name not in known and not self.is_virtual(name)]
        if missing:
            hint = nearest(missing[0], self.ask("apt-cache", *self._looking(), "pkgnames").split())
            raise NotFound(f"no repository has a package {', '.join(missing)}", hint=hint)

    def _words(self, wishes: Sequence[Wish]) -> list[str]:
        return [
            wish.file or f"{name}={_version(wish.version)}" if wish.file or wish.version else name
            for wish, name in zip(wishes, self.names(wish.name for wish in wishes), strict=True)
        ]

    def _how(self, options: Options) -> list[str]:
        if options.enablerepo or options.disablerepo or options.setopt:
            raise self.lacks("choose repositories for one transaction")
        switches = {
            "--reinstall": options.reinstall,
            "--only-upgrade": options.only_upgrade,
            "--no-install-recommends": not options.recommends,
            "--install-suggests": options.suggests,
            "--allow-unauthenticated": options.skip_verify,
            "--allow-downgrades": options.downgrade,
            "--allow-change-held-packages": options.update_holds,
        }
        release = ["--target-release", options.fromrepo] if options.fromrepo else []
        return [*(switch for switch, on in switches.items() if on), *release]

    def _transact(self, *words: str, options: Options) -> None:
        keep = "--force-confnew" if options.new_configuration else "--force-confold"
        settings = ["--force-confdef", keep]
        self.act(
            *self.scoped(),
            "apt-get",
            "-q",
            "-y",
            *(part for setting in settings for part in ("-o", f"DPkg::Options::={setting}")),
            "-o",
            f"DPkg::Lock::Timeout={_LOCK}",
            *words,
            timeout=options.timeout,
            environment=_QUIET,
        )
        self.act("apt-cache", "gencaches", environment=_QUIET)  # else all who look have to work it out

    def _looking(self) -> tuple[str, ...]:
        """Return the options of a call that writes nothing: apt would, where its cache is out of date."""
        made = self._modified(_CACHE)
        fresh = made and all(made >= self._modified(path) for path in (_STATUS, *self._sources()))
        return _UNLOCKED if fresh else (*_UNLOCKED, *_IN_MEMORY)

    def _simulated(self, *words: str) -> Differences:
        native = str(self.host.grains.get("osarch", ""))
        found: Differences = {}
        said = self.ask("apt-get", "-q", "-y", *self._looking(), "--simulate", *words)
        for line in said.splitlines():
            step = _STEP.match(line)
            if step:
                verb, name, old, new, _ = step.groups()
                found[name.removesuffix(f":{native}")] = {
                    "old": old or "",
                    "new": (new or "") if verb == "Inst" else "",
                }
        return found

    def complaint(self, said: str) -> str:
        """Return apt's errors, without its progress."""
        errors = [line[3:] for line in said.splitlines() if line.startswith("E: ")]
        unmet = [line.strip() for line in said.splitlines() if " : Depends: " in line or "but it is" in line]
        return "; ".join([*errors, *unmet]) or said[-2000:]

    def remedy(self, said: str) -> str:
        """Return what helps against apt's usual troubles."""
        if "Held packages were changed" in said:
            return "a package is held: pkg.unheld lets it go, update_holds: True does so for one installation"
        if "dpkg was interrupted" in said:
            return "an earlier installation was cut off: run 'dpkg --configure -a' on the host"
        if holder := _HOLDER.search(said):
            return f"process {holder[1]} ({holder[2]}) is installing packages; wait for it, or end it"
        if missing := re.search(r"Unable to locate package (\S+)", said):
            return (
                nearest(missing[1], self.ask("apt-cache", *self._looking(), "pkgnames").split()) or _REFRESH
            )
        if "was not found" in said:
            return _REFRESH
        if "Temporary failure resolving" in said or "Could not connect" in said:
            return "the repository can't be reached from this host"
        return ""


def _version(text: str) -> str:
    """Return a version that may be put on a command line. Raises BadArgument."""
    if not re.fullmatch(r"[0-9A-Za-z.+:~^-]+", text, re.ASCII):
        raise BadArgument(f"{unquote(text)!r} is no version of a Debian package")
    return text
