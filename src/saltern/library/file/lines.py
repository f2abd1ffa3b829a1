"""Functions that change a part of a file's text, and those that compare."""

from __future__ import annotations

from typing import Any

from saltern.library._command import Options, execute
from saltern.library.file import place
from saltern.library.file.change import kept
from saltern.library.file.edit import Replace
from saltern.library.file.managed import Managed
from saltern.library.file.patch import Patch
from saltern.library.file.text import Blockreplace, Comment, Line, Uncomment
from saltern.sdk import BadArgument, Host, NotFound, State


def append(host: Host, path: str, *text: str, args: str | list[str] | None = None) -> str:
    """Add lines to the end of a file, whether they are there or not. Raises NotFound.

    Example:
        saltern run '*' file.append /etc/motd 'first line' 'second line'
    """
    lines = _lines(text, args)
    old = place.decoded(host.read(path))
    start = f"{old}\n" if old and not old.endswith("\n") else old
    host.write(place.followed(host, path), place.encoded(start + "".join(f"{one}\n" for one in lines)))
    return f'Wrote {len(lines)} lines to "{path}"'


def prepend(host: Host, path: str, *text: str, args: str | list[str] | None = None) -> str:
    """Put lines at the beginning of a file, whether they are there or not.

    Example:
        saltern run '*' file.prepend /etc/motd 'first line' 'second line'
    """
    lines = _lines(text, args)
    old = place.decoded(host.read(path)) if host.exists(path) else ""
    host.write(place.followed(host, path), place.encoded("".join(f"{one}\n" for one in lines) + old))
    return f'Prepended {len(lines)} lines to "{path}"'


def write(host: Host, path: str, *text: str, args: str | list[str] | None = None) -> str:
    """Write lines into a file in place of what it held.

    Example:
        saltern run '*' file.write /etc/motd 'first line' 'second line'
    """
    lines = _lines(text, args)
    host.write(
        place.followed(host, place.absolute(path)), place.encoded("".join(f"{one}\n" for one in lines))
    )
    return f'Wrote {len(lines)} lines to "{path}"'


def _lines(text: tuple[str, ...], args: str | list[str] | None) -> list[str]:
    named = [args] if isinstance(args, str) else args or []
    found = [*map(str, text), *map(str, named)]
    if not found:
        raise BadArgument("there are no lines to write")
    return found


def replace(
    host: Host,
    path: str,
    pattern: str,
    repl: str,
    count: int = 0,
    flags: int | str | list[str] = 8,
    bufsize: int | str = 1,
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    not_found_content: str | None = None,
    backup: str | bool = ".bak",
    dry_run: bool = False,
    search_only: bool = False,
    show_changes: bool = True,
    ignore_if_missing: bool = False,
    preserve_inode: bool = True,
    backslash_literal: bool = False,
    encoding: str | None = None,
) -> str | bool:
    """Replace what a regular expression matches in a file; return a diff, or whether anything changed.

    ``search_only`` tells whether it matches. The file is replaced in one step, whatever ``preserve_inode``.

    Example:
        saltern run '*' file.replace /etc/ssh/sshd_config '^#?Port .*' 'Port 2222'
    """
    state = Replace(
        name=path,
        pattern=pattern,
        repl=repl,
        count=count,
        flags=flags,
        append_if_not_found=append_if_not_found,
        prepend_if_not_found=prepend_if_not_found,
        not_found_content=not_found_content,
        backup=backup,
        ignore_if_missing=ignore_if_missing,
        backslash_literal=backslash_literal,
        encoding=encoding,
    )
    if search_only:
        return state.expression().search(place.decoded(host.read(path))) is not None
    diff = _edited(host, state, dry_run)
    return diff if show_changes else bool(diff)


def psed(
    host: Host,
    path: str,
    before: str,
    after: str,
    limit: str = "",
    backup: str | bool = ".bak",
    flags: str = "gMS",
    escape_all: bool = False,
    multi: bool = False,
) -> bool:
    """Replace what a regular expression matches; with ``limit`` only behind what that matches in a line.

    ``flags`` are letters: ``g`` for all matches, ``I`` to ignore case. Kept for old trees: file.replace does
    more.

    Example:
        saltern run '*' file.psed /etc/httpd/httpd.conf 'LogLevel warn' 'LogLevel info'
    """
    import re

    pattern = re.escape(before) if escape_all else place.expression(before)
    found = re.compile(pattern, re.IGNORECASE if "I" in flags else 0)
    number = 0 if "g" in flags else 1
    old = place.decoded(host.read(path))
    lines = old.splitlines(keepends=True)
    new = "".join(
        found.sub(after, line, count=number) if not limit or re.search(limit, line) else line
        for line in lines
    )
    if new == old:
        return False
    there = place.stat_of(host, host.real_path(path))
    place.keep_copy(host, host.real_path(path), there, backup)
    host.write(place.followed(host, path), place.encoded(new))
    return True


def sed(
    host: Host,
    path: str,
    before: str,
    after: str,
    limit: str = "",
    backup: str = ".bak",
    options: str = "-r -e",
    flags: str = "g",
    escape_all: bool = False,
    negate_match: bool = False,
) -> dict[str, Any] | bool:
    """Replace by the program sed; return ``{pid, retcode, stdout, stderr}``, false without a file.

    Kept for old trees: file.replace does more.

    Example:
        saltern run '*' file.sed /etc/httpd/httpd.conf 'LogLevel warn' 'LogLevel info'
    """
    import shlex

    if not host.exists(path):
        return False
    where = f"/{_slashed(limit)}/{'! ' if negate_match else ''}" if limit else ""
    script = f"{where}s/{_slashed(before)}/{_slashed(after)}/{flags}"
    words = ["sed", *([f"-i{backup}"] if backup else ["-i"]), *shlex.split(options), script, "--", path]
    return execute(host, words, None, Options())


def _slashed(text: str) -> str:
    """Return text for between the slashes of a sed script."""
    import re

    return re.sub(r"(?<!\\)/", r"\/", text)


def sed_contains(host: Host, path: str, text: str, limit: str = "", flags: str = "g") -> bool:
    """Tell whether a line has what sed's regular expression matches.

    Example:
        saltern run '*' file.sed_contains /etc/crontab mymaintenance.sh
    """
    if not host.exists(path):
        return False
    where = f"/{_slashed(limit)}/" if limit else ""
    script = f"{where}s/{_slashed(text)}/$/{flags}p"
    return bool(host.run("sed", "-n", "-r", "-e", script, "--", path).strip())


def comment(host: Host, path: str, regex: str, char: str = "#", backup: str | bool = ".bak") -> str | bool:
    """Comment out the lines that begin with what matches; return a diff, false when nothing changed.

    Example:
        saltern run '*' file.comment /etc/modules pcspkr
    """
    return (
        _edited(host, Comment(name=path, regex=regex, char=char, backup=backup, ignore_missing=True)) or False
    )


def uncomment(host: Host, path: str, regex: str, char: str = "#", backup: str | bool = ".bak") -> str | bool:
    """Take the comment's sign from lines that match behind it; return a diff, false when nothing changed.

    Example:
        saltern run '*' file.uncomment /etc/hosts.deny 'ALL: PARANOID'
    """
    try:
        return _edited(host, Uncomment(name=path, regex=regex, char=char, backup=backup)) or False
    except NotFound:
        return False


def comment_line(
    host: Host, path: str, regex: str, char: str = "#", cmnt: bool = True, backup: str | bool = ".bak"
) -> str | bool:
    """Comment lines out, or with ``cmnt=False`` in again; return a diff, false when nothing changed.

    Example:
        saltern run '*' file.comment_line /etc/modules pcspkr
    """
    return (comment if cmnt else uncomment)(host, path, regex, char, backup)


def line(
    host: Host,
    path: str,
    content: str | None = None,
    match: str | None = None,
    mode: Any = None,
    location: Any = None,
    before: str | None = None,
    after: str | None = None,
    show_changes: bool = True,
    backup: str | bool = False,
    quiet: bool = False,
    indent: bool = True,
) -> str | bool:
    """Keep, add, replace or delete one line of a file (``file.line`` of the states); return a diff.

    Example:
        saltern run '*' file.line /etc/nsswitch.conf 'networks: files dns' after='hosts:.*?' mode=ensure
    """
    import msgspec

    given = {"name": path, "content": content, "match": match, "mode": mode, "location": location}
    more = {"before": before, "after": after, "backup": backup, "indent": indent}
    try:
        state = msgspec.convert({**given, **more}, Line)
    except msgspec.ValidationError as error:
        raise BadArgument(f"file.line: {error}") from None
    diff = _edited(host, state)
    return diff if show_changes and not quiet else bool(diff)


def blockreplace(
    host: Host,
    path: str,
    marker_start: str = "#-- start managed zone --",
    marker_end: str = "#-- end managed zone --",
    content: str = "",
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    backup: str | bool = ".bak",
    dry_run: bool = False,
    show_changes: bool = True,
    append_newline: bool | None = False,
    insert_before_match: str | None = None,
    insert_after_match: str | None = None,
) -> str | bool:
    """Replace what stands between two marked lines of a file; return a diff, or whether anything changed.

    Example:
        saltern run '*' file.blockreplace /etc/hosts '# {' '# }' $'10.0.1.1 db' append_if_not_found=True
    """
    state = Blockreplace(
        name=path,
        marker_start=marker_start,
        marker_end=marker_end,
        content=content,
        append_if_not_found=append_if_not_found,
        prepend_if_not_found=prepend_if_not_found,
        backup=backup,
        insert_before_match=insert_before_match,
        insert_after_match=insert_after_match,
    )
    diff = _edited(host, state, dry_run)
    return diff if show_changes and diff else bool(diff)


def patch(
    host: Host, originalfile: str, patchfile: str, options: str = "", dry_run: bool = False
) -> dict[str, Any]:
    """Apply a patch to a file or to those below a directory; return ``{retcode, changes}``.

    Raises Conflict, with nothing changed, for a patch that does not fit.

    Example:
        saltern run '*' file.patch /opt/file.txt /tmp/file.txt.patch
    """
    state = Patch(name=originalfile, source=patchfile, options=options)
    changes = dict(state.check(host)) if dry_run else kept(host, state)
    return {"retcode": 0, "changes": changes}


def _edited(host: Host, state: State, dry_run: bool = False) -> str:
    """See that a state about a text holds and return the diff, empty when nothing changed."""
    changes = dict(state.check(host)) if dry_run else kept(host, state)
    return str(changes.get("diff", ""))


def get_diff(
    host: Host,
    file1: str,
    file2: str,
    saltenv: str = "base",
    show_filenames: bool = True,
    show_changes: bool = True,
    template: bool = False,
) -> str:
    """Return the differences of two files, each a path or an address; empty when there are none.

    Example:
        saltern run '*' file.get_diff /home/fred/.vimrc salt://users/fred/.vimrc
    """
    from saltern.library.file.origin import fetched

    contents = []
    for one in (file1, file2):
        data = fetched(host, one)
        if data is None:
            raise NotFound(f"{one} is not there")
        contents.append(data)
    old, new = contents
    if old == new:
        return ""
    if not show_changes:
        return "<show_changes=False>"
    shown = place.difference(old, new, file1)
    return shown.replace(f"+++ {file1}\n", f"+++ {file2}\n", 1) if show_filenames else shown


def check_managed_changes(host: Host, name: str, **options: Any) -> dict[str, Any]:
    """Return what ``file.managed`` would change, with the arguments of that state.

    Example:
        saltern run '*' file.check_managed_changes /etc/motd contents=Welcome. mode=0644
    """
    import msgspec

    try:
        state = msgspec.convert({"name": name, **options}, Managed, strict=False)
    except msgspec.ValidationError as error:
        raise BadArgument(f"file.managed: {error}") from None
    return dict(state.check(host))


def check_managed(host: Host, name: str, **options: Any) -> list[Any]:
    """Return whether ``file.managed`` would leave a file as it is, and a word on that.

    Example:
        saltern run '*' file.check_managed /etc/motd contents=Welcome. mode=0644
    """
    changes = check_managed_changes(host, name, **options)
    if changes:
        return [None, f"The following values are set to be changed:\n{', '.join(changes)}"]
    return [True, f"The file {name} is in the correct state"]


def apply_template_on_contents(
    host: Host,
    contents: str,
    template: str,
    context: dict[str, Any] | None = None,
    defaults: dict[str, Any] | None = None,
    saltenv: str = "base",
) -> str:
    """Return a text rendered by a template engine, ``context`` above ``defaults``.

    Example:
        saltern run '*' file.apply_template_on_contents 'Hello {{ who }}.' jinja context='{who: you}'
    """
    data = place.rendered(host, contents.encode(), template, "the contents", defaults, context)
    return data.decode()
