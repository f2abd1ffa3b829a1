"""RPM packages: rpm knows what is there, dnf or yum what could be."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from saltern.library.pkg import versions
from saltern.library.pkg.manager import (
    PATIENCE,
    Available,
    Differences,
    Group,
    Managing,
    Options,
    Versions,
    Wish,
)
from saltern.sdk import BadArgument, Host

#: Epochs are shown only where they are not 0.
_RECORD = "%{NAME}\\t%{EPOCH}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\n"
_CACHE = "/var/cache/dnf"
_SOURCES = "/etc/yum.repos.d"
_ACTION = re.compile(
    r"^ (?P<name>[^\s:]\S*)\s+(?P<arch>\S+)\s+(?P<version>(?:\d+:)?\S+)\s+(?P<repo>\S+)\s+\S+(?: \S+)?$"
)
_HEADING = re.compile(r"^(Installing|Upgrading|Downgrading|Reinstalling|Removing)\b.*:$")


class Rpm(Managing):
    """What all managers of RPM packages have in common: rpm's own database."""

    def installed(self) -> Versions:
        """Return what rpm has; foreign architectures are part of the name."""
        found: dict[str, list[str]] = {}
        for name, version in self._records():
            found.setdefault(name, []).append(version)
        return {name: self._sorted(versions_) for name, versions_ in found.items()}

    def _records(self) -> Iterator[tuple[str, str]]:
        for line in self.ask("rpm", "--query", "--all", "--queryformat", _RECORD).splitlines():
            name, epoch, version, architecture = line.split("\t")
            if name != "gpg-pubkey":
                yield self.named(name, architecture), with_epoch(epoch, version)

    def named(self, name: str, architecture: str) -> str:
        """Return a package's name as Salt's users know it."""
        native = str(self.host.grains.get("osarch", "")) or architecture
        own = architecture in ("noarch", "(none)", native) or _is_x86(architecture, native)
        return name if own else f"{name}.{architecture}"

    def _sorted(self, found: list[str]) -> list[str]:
        left, done = list(found), list[str]()
        while left:
            best = versions.newest(left, self.compare)
            left.remove(best)
            done.insert(0, best)
        return done

    def offered(self, found: Mapping[str, list[str]], wanted: Sequence[str]) -> Mapping[str, Available]:
        """Return the versions found of what is wanted, newest first; the newest is the candidate."""
        known = {
            name: tuple(dict.fromkeys(self._sorted(found[name])[::-1])) for name in wanted if name in found
        }
        return {name: Available(versions_, versions_[0]) for name, versions_ in known.items()}

    def provided(self) -> Mapping[str, str]:
        """Return what installed packages provide."""
        form = "[%{PROVIDENAME}\\t%{=NAME}\\n]"
        said = self.ask("rpm", "--query", "--all", "--queryformat", form)
        return {line.partition("\t")[0]: line.partition("\t")[2] for line in said.splitlines()}

    def owners(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Return the packages that paths belong to."""
        return {path: self._owner(path) for path in paths}

    def _owner(self, path: str) -> str:
        said = self.ask("rpm", "--query", "--queryformat", "%{NAME}\\n", "--file", path, codes=(0, 1))
        first = said.partition("\n")[0]
        return "" if " " in first else first

    def files(self, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Return the paths each package brought."""
        return {
            name: [
                line
                for line in self.ask("rpm", "--query", "--list", name).splitlines()
                if line.startswith("/")
            ]
            for name in self.names(names)
        }

    def info(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return what rpm knows of installed packages."""
        fields = {
            "NAME": "name",
            "VERSION": "version",
            "RELEASE": "release",
            "ARCH": "arch",
            "SIZE": "size",
            "VENDOR": "vendor",
            "PACKAGER": "packager",
            "LICENSE": "license",
            "URL": "url",
            "SOURCERPM": "source",
            "SUMMARY": "summary",
        }
        form = "\\t".join(f"%{{{field}}}" for field in fields) + "\\n"
        which = ["--", *self.names(names)] if names else ["--all"]
        said = self.ask("rpm", "--query", "--queryformat", form, *which, codes=range(256))
        found: dict[str, Mapping[str, str]] = {}
        for line in said.splitlines():
            if line.count("\t") == len(fields) - 1:
                record = dict(zip(fields.values(), line.split("\t"), strict=True))
                kept = {key: value for key, value in record.items() if value != "(none)"}
                found[kept.pop("name")] = kept
        return found

    def wrong(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the files that ``rpm --verify`` complains of, configuration left out."""
        found: dict[str, dict[str, str]] = {}
        for name in self.names(names):
            for line in self.ask("rpm", "--verify", name, codes=range(256)).splitlines():
                flags, _, rest = line.partition(" ")
                kind, _, path = rest.strip().rpartition(" ")
                if kind != "c" and path.startswith("/"):
                    found.setdefault(name, {})[path] = "missing" if flags == "missing" else "changed"
        return found


class Dnf(Rpm):
    """Packages by dnf; by yum where that is all there is."""

    def __init__(self, host: Host, program: str = "dnf") -> None:
        """Take the host, and the program: dnf5, dnf or yum."""
        super().__init__(host)
        self.name = program

    def stale(self) -> float:
        """Return the age of dnf's cache; infinite when there is none, or the repositories are newer."""
        stamps = [self.host.stat(path) for path in (_CACHE, "/var/cache/libdnf5", "/var/cache/yum")]
        newest = max((one.modified for one in stamps if one is not None), default=0.0)
        sources = self.host.stat(_SOURCES)
        if not newest or (sources is not None and sources.modified > newest):
            return math.inf
        return max(0.0, self.host.now() - newest)

    def refresh(self) -> Mapping[str, bool | None]:
        """Fetch the metadata of all repositories anew. Raises CommandFailed."""
        self.act(self.name, "-q", "-y", "clean", "expire-cache")
        self.act(self.name, "-q", "-y", "makecache", timeout=1800)
        for path in (_CACHE, "/var/cache/libdnf5", "/var/cache/yum"):
            if self.host.exists(path):
                self.host.set_times(path, self.host.now(), self.host.now())
        return dict.fromkeys(self._repositories(), True)

    def _repositories(self) -> list[str]:
        lines = self.ask(self.name, "-q", "repolist", "--enabled").splitlines()
        return [line.split()[0] for line in lines if line.strip() and not line.startswith("repo id")]

    def available(self, names: Sequence[str], fromrepo: str = "") -> Mapping[str, Available]:
        """Return what ``repoquery`` says of these packages."""
        wanted = self.names(names)
        if not wanted:
            return {}
        form = "%{name}\\t%{epoch}\\t%{version}-%{release}\\t%{arch}\\n"
        chosen = [f"--repo={fromrepo}"] if fromrepo else []
        said = self.ask(self.name, "-q", "repoquery", "--available", *chosen, "--queryformat", form, *wanted)
        found: dict[str, list[str]] = {}
        for line in filter(None, said.splitlines()):
            name, epoch, version, architecture = line.split("\t")
            found.setdefault(self.named(name, architecture), []).append(with_epoch(epoch, version))
        return self.offered(found, wanted)

    def simulate(self, wishes: Sequence[Wish], options: Options) -> Differences | None:
        """Return what dnf says it would do."""
        if any(wish.file for wish in wishes):
            return None
        before = self.installed()
        found: Differences = {}
        for verb, words in self._transactions(wishes, before, options):
            said = self.ask(self.name, "--assumeno", *self._how(options), verb, *words, codes=(0, 1))
            found |= self._foreseen(said, before)
        return found

    def install(self, wishes: Sequence[Wish], options: Options) -> None:
        """Install by dnf; a version older than what is there by its downgrade."""
        more = ["--downloadonly"] if options.download_only else []
        for verb, words in self._transactions(wishes, self.installed(), options):
            argv = [*self.scoped(), self.name, "-y", *self._how(options), *more, verb, *words]
            self.act(*argv, timeout=options.timeout)

    def _transactions(
        self, wishes: Sequence[Wish], there: Versions, options: Options
    ) -> Iterator[tuple[str, list[str]]]:
        """Give dnf's verbs, each with what it is to be done with."""
        verbs: dict[str, list[str]] = {}
        for wish in wishes:
            mine = there.get(wish.name, ())
            older = bool(mine and wish.version and self.compare(mine[-1], wish.version) > 0)
            verb = "downgrade" if older else "reinstall" if options.reinstall and mine else "install"
            if options.only_upgrade and verb == "install":
                verb = "upgrade"
            verbs.setdefault(verb, []).append(wish.file or self._word(wish))
        yield from verbs.items()

    def _word(self, wish: Wish) -> str:
        (name,) = self.names([wish.name])
        if not wish.version:
            return name
        if not re.fullmatch(r"[0-9A-Za-z.+:~^_-]+", wish.version, re.ASCII):
            raise BadArgument(f"{wish.version!r} is no version of an RPM package")
        epoch, version = versions.split_epoch(wish.version)
        return f"{name}-{epoch}:{version}" if epoch else f"{name}-{version}"

    def _how(self, options: Options) -> list[str]:
        if options.fromrepo:
            chosen = ["--disablerepo=*", f"--enablerepo={options.fromrepo}"]
        else:
            chosen = [f"--disablerepo={options.disablerepo}"] if options.disablerepo else []
            chosen += [f"--enablerepo={options.enablerepo}"] if options.enablerepo else []
        unsigned = ["--nogpgcheck"] if options.skip_verify else []
        weak = [] if options.recommends or self.name == "yum" else ["--setopt=install_weak_deps=False"]
        return [*chosen, *unsigned, *weak, *(f"--setopt={one}" for one in options.setopt)]

    def simulate_removal(self, names: Sequence[str], *, purge: bool) -> Differences | None:
        """Return what dnf says it would remove."""
        said = self.ask(self.name, "--assumeno", "remove", *self.names(names), codes=(0, 1))
        return self._foreseen(said, self.installed())

    def remove(self, names: Sequence[str], *, purge: bool, timeout: float = PATIENCE) -> None:
        """Remove by dnf."""
        self.act(*self.scoped(), self.name, "-y", "remove", *self.names(names), timeout=timeout)

    def upgrades(self, *, dist_upgrade: bool = False) -> Differences:
        """Return what ``check-update`` names."""
        there, found = self.installed(), Differences()
        for line in self.ask(self.name, "-q", "check-update", codes=(0, 100)).splitlines():
            words = line.split()
            if line.startswith("Obsoleting"):
                break
            if len(words) == 3 and "." in words[0]:
                name, _, architecture = words[0].rpartition(".")
                named = self.named(name, architecture)
                found[named] = {"old": ",".join(there.get(named, ())), "new": words[1]}
        return found

    def upgrade(self, *, dist_upgrade: bool = False, options: Options) -> None:
        """Upgrade by dnf."""
        verb = "distro-sync" if dist_upgrade else "upgrade"
        self.act(*self.scoped(), self.name, "-y", *self._how(options), verb, timeout=options.timeout)

    def held(self) -> Sequence[str]:
        """Return the names that versionlock keeps."""
        found: set[str] = set()
        for line in self.ask(self.name, "-q", "versionlock", "list").splitlines():
            if line.startswith("Package name: "):  # dnf 5
                found.add(line.removeprefix("Package name: ").strip())
            elif locked := re.match(r"^!?(?P<name>\S+)-(?:\d+:)?[^-\s]+-[^-\s]+$", line.strip()):
                found.add(locked["name"])
        return sorted(found)

    def hold(self, names: Sequence[str]) -> None:
        """Lock by dnf's plugin versionlock."""
        self.act(self.name, "-q", "-y", "versionlock", "add", *self.names(names))

    def unhold(self, names: Sequence[str]) -> None:
        """Unlock by dnf's plugin versionlock."""
        self.act(self.name, "-q", "-y", "versionlock", "delete", *self.names(names))

    def autoremove(self, *, purge: bool, simulate: bool) -> Differences:
        """Remove by ``dnf autoremove``."""
        before = self.installed()
        said = self.ask(self.name, "--assumeno", "autoremove", codes=(0, 1))
        found = self._foreseen(said, before)
        if found and not simulate:
            self.act(self.name, "-y", "autoremove")
        return found

    def groups(self, name: str) -> Group | None:
        """Return what ``dnf group info`` says."""
        said = self.ask(self.name, "-q", "group", "info", name, codes=(0, 1))
        parts: dict[str, list[str]] = {"Mandatory": [], "Default": [], "Optional": []}
        title, description, part = "", "", ""
        for line in said.splitlines():
            key, _, value = (one.strip() for one in line.partition(":"))
            if key in ("Group", "Name"):
                title = value
            elif key == "Description":
                description = value
            elif word := re.match(
                r"\s*(Mandatory|Default|Optional|Conditional) [Pp]ackages\s*:?\s*(\S*)", line
            ):
                part = word[1]
                parts.setdefault(part, []).extend(filter(None, [value]))
            elif part and line.strip() and " " not in line.strip().lstrip(": "):
                parts[part].append(line.strip().lstrip("+-=: "))
        if not title:
            return None
        return Group(
            name=title,
            description=description,
            mandatory=tuple(parts["Mandatory"]),
            default=tuple(parts["Default"]),
            optional=tuple(parts["Optional"]),
        )

    def group_names(self) -> Mapping[str, bool]:
        """Return what ``dnf group list`` names."""
        found: dict[str, bool] = {}
        there = False
        for line in self.ask(self.name, "-q", "group", "list", "--hidden").splitlines():
            if line and not line.startswith(" "):
                there = line.startswith("Installed")
            elif line.strip():
                found[line.strip()] = there
        return found

    def _foreseen(self, said: str, before: Versions) -> Differences:
        """Return what a transaction's table says; dnf has the width of a terminal, so lines may be folded."""
        found: Differences = {}
        going = False
        for line in _unfolded(said):
            if heading := _HEADING.match(line):
                going = heading[1] == "Removing"
            elif row := _ACTION.match(line):
                name = self.named(row["name"], row["arch"])
                new = "" if going else with_epoch(*_epoch_first(row["version"]))
                old = ",".join(before.get(name, ()))
                if old != new:
                    found[name] = {"old": old, "new": new}
            elif line.startswith("Transaction Summary"):
                break
        return found

    def complaint(self, said: str) -> str:
        """Return dnf's errors, without its progress."""
        errors = [
            line for line in said.splitlines() if line.startswith(("Error", "No match", " Problem", "  - "))
        ]
        return "\n".join(errors) or said[-2000:]

    def remedy(self, said: str) -> str:
        """Return what helps against dnf's usual troubles."""
        if "versionlock" in said and "No such command" in said:
            return "install python3-dnf-plugin-versionlock (yum: yum-plugin-versionlock)"
        return "refresh: True fetches the metadata anew" if "No match for argument" in said else ""


def with_epoch(epoch: str, version: str) -> str:
    """Return a version with its epoch, where it has one that is not 0."""
    return version if epoch in ("", "0", "(none)") else f"{epoch}:{version}"


def _epoch_first(version: str) -> tuple[str, str]:
    epoch, rest = versions.split_epoch(version)
    return str(epoch), rest


def _is_x86(architecture: str, native: str) -> bool:
    small = {"i386", "i486", "i586", "i686"}
    return architecture in small and native in small


def _unfolded(said: str) -> Iterator[str]:
    """Give the lines of a table whose long names stand on a line of their own."""
    held = ""
    for line in said.splitlines():
        if held:
            line, held = f"{held} {line.strip()}", ""
        if re.fullmatch(r" [^\s:]\S*", line):
            held = line
            continue
        yield line
