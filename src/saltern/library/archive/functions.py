"""The functions of ``archive``."""

from __future__ import annotations

import io
import posixpath
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from saltern.library.archive import source as sources_
from saltern.library.archive.entries import chosen, shown, top_level
from saltern.library.archive.formats import kind_of, opened
from saltern.library.archive.options import rules
from saltern.library.archive.unpack import Unpacking, limited
from saltern.library.file.origin import Fetching
from saltern.library.file.place import Wanted, absolute
from saltern.sdk import BadArgument, Command, CommandFailed, Host, NotFound, NotSupported
from saltern.sdk.host import PLAIN_LOCALE

Names = str | list[str]
#: Options by which tar runs a program, or speaks to another machine.
_REFUSED = ("--checkpoint-action", "--to-command", "--use-compress-program", "--rsh-command", "--rmt-command")
_REFUSED_TOO = ("--info-script", "--new-volume-script", "--index-file", "--files-from", "--volno-file")


def list_(
    host: Host,
    name: str,
    archive_format: str | None = None,
    options: str | None = None,
    strip_components: int | None = None,
    clean: bool = False,
    verbose: bool = False,
    saltenv: str = "base",
    source_hash: str = "",
) -> Any:
    """Return the paths in an archive that lies here, in the file roots or on the web.

    With ``verbose`` ``{dirs, files, links, top_level_dirs, top_level_files, top_level_links}``. ``clean``
    removes the copy of one of the web again.

    Example:
        saltern run '*' archive.list /tmp/app.tar.gz verbose=True
    """
    path = _brought(host, name, saltenv, source_hash)
    with opened(host, path, kind_of(name, archive_format)) as archive:
        entries = chosen(archive.entries, rules(options, "tar", strip_components))
    if clean and path.startswith(sources_.directory(host)):
        host.remove(path)
    every = {
        kind: [shown(one.path) for one in entries if one.kind in kinds] for kind, kinds in _KINDS.items()
    }
    if not verbose:
        return [f"{shown(one.path)}/" if one.kind == "directory" else shown(one.path) for one in entries]
    top = top_level(entries)
    below = {"top_level_dirs": top.directories, "top_level_files": top.files, "top_level_links": top.links}
    return {**every, **below}


_KINDS = {"dirs": ("directory",), "files": ("file", "hard", "pipe", "device"), "links": ("link",)}


def _brought(host: Host, name: str, saltenv: str, source_hash: str) -> str:
    """Return where an archive lies on this machine, fetched if need be. Raises NotFound."""
    if name.startswith("salt://"):
        cached = host.supply.cached(name, saltenv)
        if cached is None:
            raise NotFound(f"{name} is not there (environment {saltenv!r})")
        return cached.path
    how = Fetching(name=name, source_hash=source_hash, skip_verify=not source_hash)
    return sources_.brought(host, name, how).path


def is_encrypted(
    host: Host, name: str, clean: bool = False, saltenv: str = "base", source_hash: str = ""
) -> bool:
    """Tell whether a zip archive is encrypted.

    Example:
        saltern run '*' archive.is_encrypted /tmp/app.zip
    """
    path = _brought(host, name, saltenv, source_hash)
    with host.open(path) as file:
        if not file.read(2) == b"PK":
            raise BadArgument(f"{name} is not a ZIP file")
        file.seek(0)
        import zipfile

        found = any(one.flag_bits & 1 for one in zipfile.ZipFile(file).infolist())
    if clean and path.startswith(sources_.directory(host)):
        host.remove(path)
    return found


def tar(
    host: Host,
    options: str,
    tarfile: str,
    sources: Names | None = None,
    dest: str | None = None,
    cwd: str | None = None,
    template: str | None = None,
    runas: str | None = None,
) -> list[str]:
    """Run tar with options (``cjvf``), on an archive, and return what it writes.

    ``dest`` is the directory to unpack into; ``sources`` are the paths to pack. Options by which tar would
    run a program are refused.

    Example:
        saltern run '*' archive.tar czf /tmp/etc.tar.gz /etc
    """
    words = _tar_options(options)
    into = [f"--directory={_named(host, template, dest)}"] if dest else []
    local = ["--force-local"] if ":" in tarfile else []
    names = [_named(host, template, one) for one in _several(sources)]
    archive = _named(host, template, tarfile)
    argv = ["tar", *local, *words, archive, *into, *(["--", *names] if names else [])]
    return _ran(host, argv, cwd, runas)


def _tar_options(text: str) -> list[str]:
    """Return the words of tar's options, the last of which takes the archive. Raises BadArgument."""
    words = shlex.split(text) or [""]
    for word in words:
        name = word.partition("=")[0]
        long = name.startswith("--") and any(one.startswith(name) for one in (*_REFUSED, *_REFUSED_TOO))
        short = not name.startswith("--") and set(name) & set("IFT")
        if "\0" in word or (long and len(name) > 3) or short:
            raise BadArgument(f"options: {name} is not taken", hint="it may have tar run a program")
    if words[0] and not words[0].startswith("-"):
        words[0] = f"-{words[0]}"
    letters = "".join(word for word in words if word.startswith("-") and not word.startswith("--"))
    if "f" not in letters:
        return [*words, "-f"] if words[0] else ["-f"]
    if not words[-1].endswith("f"):
        shorts = [word.replace("f", "") if not word.startswith("--") else word for word in words]
        return [*(word for word in shorts if word != "-"), "-f"]
    return words


def gzip(
    host: Host,
    sourcefile: str,
    template: str | None = None,
    runas: str | None = None,
    options: str | None = None,
) -> list[str]:
    """Compress a file; it then ends with ``.gz``.

    Example:
        saltern run '*' archive.gzip /tmp/app.log options='-9'
    """
    words = [*shlex.split(options or ""), "--", _named(host, template, sourcefile)]
    return _ran(host, ["gzip", *words], None, runas)


def gunzip(
    host: Host,
    gzipfile: str,
    template: str | None = None,
    runas: str | None = None,
    options: str | None = None,
) -> list[str]:
    """Uncompress a file that ends with ``.gz``.

    Example:
        saltern run '*' archive.gunzip /tmp/app.log.gz
    """
    words = [*shlex.split(options or ""), "--", _named(host, template, gzipfile)]
    return _ran(host, ["gunzip", *words], None, runas)


def cmd_zip(
    host: Host,
    zip_file: str,
    sources: Names,
    template: str | None = None,
    cwd: str | None = None,
    runas: str | None = None,
) -> list[str]:
    """Pack paths by the program zip, and return what it writes. Relative paths are those below ``cwd``.

    Example:
        saltern run '*' archive.cmd_zip /tmp/etc.zip /etc
    """
    names = [_operand(_named(host, template, one)) for one in _several(sources)]
    archive = _operand(_named(host, template, zip_file))
    return _ran(host, ["zip", "-r", archive, *names], cwd, runas)


def zip_(
    host: Host,
    zip_file: str,
    sources: Names,
    template: str | None = None,
    cwd: str | None = None,
    runas: str | None = None,
) -> list[str]:
    """Pack paths into a zip archive, and return those packed; links are kept as what they point to.

    With ``runas`` the program zip does it.

    Example:
        saltern run '*' archive.zip /tmp/etc.zip /etc
    """
    if runas is not None:
        return cmd_zip(host, zip_file, sources, template, cwd, runas)
    import zipfile

    made, packed = io.BytesIO(), []
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for given in _several(sources):
            path = posixpath.join(cwd or "/", _named(host, template, given))
            for one in _beneath(host, absolute(path)):
                inside = posixpath.relpath(one, cwd) if cwd and not given.startswith("/") else one.lstrip("/")
                _pack(host, archive, one, inside)
                packed.append(inside)
    host.write(absolute(_named(host, template, zip_file)), made.getvalue())
    return packed


def _beneath(host: Host, path: str) -> Iterator[str]:
    there = host.stat(path)
    if there is None:
        raise NotFound(f"{path}: no such file or directory")
    yield path
    if there.kind == "directory":
        for name in host.list_directory(path):
            yield from _beneath(host, f"{path}/{name}")


def _pack(host: Host, archive: Any, path: str, inside: str) -> None:
    import time
    import zipfile

    there = host.stat(path)
    assert there is not None
    is_directory = there.kind == "directory"
    when = time.gmtime(max(there.modified, 315532800.0))[:6]
    about = zipfile.ZipInfo(inside + "/" * is_directory, when)
    about.external_attr = (there.mode | (0o040000 if is_directory else 0o100000)) << 16
    archive.writestr(about, b"" if is_directory else host.read(path), zipfile.ZIP_DEFLATED)


def unzip(
    host: Host,
    zip_file: str,
    dest: str,
    excludes: Names | None = None,
    options: str | None = None,
    template: str | None = None,
    runas: str | None = None,
    trim_output: bool | int = False,
    password: str | int | None = None,
    extract_perms: bool = True,
) -> list[str]:
    """Unpack a zip archive into a directory, and return the paths. What leads out of it is refused.

    With ``runas`` the program unzip does it, without a password: others would see that.

    Example:
        saltern run '*' archive.unzip /tmp/app.zip /opt excludes='*.md'
    """
    archive_path, target = (absolute(_named(host, template, one)) for one in (zip_file, dest))
    if runas is not None:
        if password is not None:
            raise NotSupported("a password together with runas: the program unzip would show it to everybody")
        left_out = [_operand(one) for one in _several(excludes)]
        argv = ["unzip", "-o", *shlex.split(options or ""), archive_path, "-d", target]
        return _ran(host, [*argv, *(["-x", *left_out] if left_out else [])], None, runas)
    wanted = rules(options, "zip")
    wanted = msgspec.structs.replace(wanted, exclude=(*wanted.exclude, *_several(excludes)))
    with opened(host, archive_path, "zip", None if password is None else str(password)) as archive:
        entries = chosen(archive.entries, wanted)
        host.make_directory(target)
        how = Unpacking(
            host=host,
            target=target,
            rules=wanted,
            owner=Wanted(),
            permissions=extract_perms,
            path=archive_path,
        )
        how.all(archive, entries)
    return limited([one.path for one in entries], trim_output)


def cmd_unzip(
    host: Host,
    zip_file: str,
    dest: str,
    excludes: Names | None = None,
    options: str | None = None,
    template: str | None = None,
    runas: str | None = None,
    trim_output: bool | int = False,
    password: str | int | None = None,
) -> list[str]:
    """Unpack a zip archive into a directory, as ``unzip`` does.

    Example:
        saltern run '*' archive.cmd_unzip /tmp/app.zip /opt
    """
    return unzip(host, zip_file, dest, excludes, options, template, runas, trim_output, password)


def rar(
    host: Host,
    rarfile: str,
    sources: Names,
    template: str | None = None,
    cwd: str | None = None,
    runas: str | None = None,
) -> list[str]:
    """Pack paths by the program rar, and return what it writes.

    Example:
        saltern run '*' archive.rar /tmp/etc.rar /etc
    """
    names = [_named(host, template, one) for one in _several(sources)]
    return _ran(host, ["rar", "a", "-idp", "--", _named(host, template, rarfile), *names], cwd, runas)


def unrar(
    host: Host,
    rarfile: str,
    dest: str,
    excludes: Names | None = None,
    template: str | None = None,
    runas: str | None = None,
    trim_output: bool | int = False,
) -> list[str]:
    """Unpack an archive by the program unrar, and return what it writes.

    Example:
        saltern run '*' archive.unrar /tmp/app.rar /opt
    """
    left_out = [f"-x{one}" for one in _several(excludes)]
    names = [_named(host, template, rarfile), f"{_named(host, template, dest).rstrip('/')}/"]
    return limited(_ran(host, ["unrar", "x", "-idp", *left_out, "--", *names], None, runas), trim_output)


def _several(given: Names | None) -> list[str]:
    return (
        [] if given is None else [one for one in given.split(",") if one] if isinstance(given, str) else given
    )


def _operand(name: str) -> str:
    """Return a path that no program takes for an option."""
    return f"./{name}" if name.startswith("-") else name


def _named(host: Host, template: str | None, name: str) -> str:
    """Return a path, rendered when ``template`` names an engine."""
    return host.supply.render(template, name, {}, "archive") if template else name


def _ran(host: Host, argv: Sequence[str], cwd: str | None, runas: str | None) -> list[str]:
    """Run a program and return the lines it writes. Raises CommandFailed, NotSupported."""
    if any("\0" in word for word in argv):
        raise BadArgument("a NUL in a path")
    if host.which(argv[0]) is None:
        raise NotSupported(f"the program {argv[0]!r} is not on this host", hint="install it: pkg.installed")
    done = host.execute(Command(argv=tuple(argv), cwd=cwd, user=runas, env=PLAIN_LOCALE))
    if done.retcode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise CommandFailed(f"{argv[0]}: {said}", retcode=done.retcode)
    return done.stdout.decode(errors="replace").splitlines()
