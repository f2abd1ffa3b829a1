"""What the functions of ``cmd`` share: their options, and making a program of what they are given."""

from __future__ import annotations

import posixpath
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from saltern.sdk import BadArgument, Command, CommandFailed, Finished, Host, NotFound

Words = str | list[str]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the functions that run something have in common."""

    stdin: Annotated[str | None, Meta(description="text for the program to read")] = None
    runas: Annotated[str | None, Meta(description="the user to run as")] = None
    group: Annotated[str | None, Meta(description="the group to run as")] = None
    shell: Annotated[str | None, Meta(description="the shell's path; the agent's SHELL, else /bin/sh")] = None
    python_shell: Annotated[
        bool | None, Meta(description="false: split the text into words and use no shell")
    ] = None
    env: Annotated[
        dict[str, Any] | list[dict[str, Any]] | str | None,
        Meta(description="names and values laid over the environment"),
    ] = None
    clean_env: Annotated[bool, Meta(description="nothing in the environment but env")] = False
    prepend_path: Annotated[str | None, Meta(description="directories to search before PATH's")] = None
    rstrip: Annotated[bool, Meta(description="cut white space from the output's end")] = True
    umask: Annotated[str | int | None, Meta(description="octal digits")] = None
    output_encoding: Annotated[str | None, Meta(description="of what the program writes; UTF-8")] = None
    output_loglevel: Annotated[str, Meta(description="accepted as Salt has it; output is not logged")] = (
        "debug"
    )
    hide_output: Annotated[bool, Meta(description="neither show nor return the output")] = False
    timeout: Annotated[float | None, Meta(description="seconds, then the whole process group is killed")] = (
        None
    )
    reset_system_locale: Annotated[bool, Meta(description="speak English, sort by bytes")] = True
    ignore_retcode: Annotated[bool, Meta(description="the call does not fail with the program")] = False
    use_vt: Annotated[bool, Meta(description="accepted as Salt has it; output is shown as it comes")] = False
    redirect_stderr: Annotated[
        bool | None, Meta(description="stderr into stdout; cmd.run does so by itself")
    ] = None
    bg: Annotated[bool, Meta(description="leave it running and return at once")] = False
    raise_err: Annotated[bool, Meta(description="fail with an error instead of the output")] = False
    root: Annotated[
        str | None, Meta(description="a directory that is the root of all paths the command sees (chroot)")
    ] = None
    success_retcodes: Annotated[
        list[int] | int | str | None, Meta(description="codes that mean success, besides 0")
    ] = None
    success_stdout: Annotated[
        list[str] | str | None, Meta(description="texts in stdout that mean success")
    ] = None
    success_stderr: Annotated[
        list[str] | str | None, Meta(description="texts in stderr that mean success")
    ] = None


def execute(host: Host, cmd: Words, cwd: str | None, how: Options, merge: bool = False) -> dict[str, Any]:
    """Run, mark the call failed when the program did, and return ``{pid, retcode, stdout, stderr}``."""
    prepared = command(host, cmd, cwd, how, merge)
    if how.bg:
        return {"pid": host.spawn(prepared), "retcode": 0, "stdout": "", "stderr": ""}
    result = _result(host.execute(prepared), how)
    if how.hide_output:
        result |= {"stdout": "", "stderr": ""}
    if not how.ignore_retcode:
        host.fail(result["retcode"])
    if how.raise_err and result["retcode"]:
        raise CommandFailed(_complaint(prepared, result), retcode=result["retcode"])
    return result


def command(host: Host, cmd: Words, cwd: str | None, how: Options, merge: bool = False) -> Command:
    """Return the program that ``cmd`` means, with its surroundings. Raises BadArgument, NotFound."""
    if how.root is not None:
        return _in_root(host, cmd, cwd, how, merge)
    return Command(
        argv=_argv(host, cmd, how),
        stdin=(how.stdin or "").encode(),
        cwd=cwd or (None if how.runas else _home(host)),
        env=_environment(host, how),
        clean_env=how.clean_env,
        user=how.runas,
        group=how.group,
        umask=_umask(how.umask),
        timeout=how.timeout,
        merge=merge,
        stream=not how.hide_output,
    )


def _in_root(host: Host, cmd: Words, cwd: str | None, how: Options, merge: bool) -> Command:
    """Return the command that runs ``cmd`` in another root: user, group, shell and ``cwd`` are of that one.

    Raises NotFound unless it is a directory.
    """
    root = posixpath.normpath(how.root or "")
    there = host.stat(root)
    if not root.startswith("/") or there is None or there.kind != "directory":
        raise NotFound(f"root = {how.root!r} is no directory on this host", hint="write an absolute path")
    text = shlex.join(cmd) if isinstance(cmd, list) else cmd
    inside = f"cd {shlex.quote(cwd)} && {text}" if cwd else text
    user = f"--userspec={how.runas or ''}:{how.group or ''}" if how.runas or how.group else ""
    words = ["chroot", *([user] if user else []), root, how.shell or "/bin/sh", "-c", inside]
    outside = msgspec.structs.replace(how, root=None, runas=None, group=None, python_shell=None)
    return command(host, words, None, outside, merge)


def _argv(host: Host, cmd: Words, how: Options) -> tuple[str, ...]:
    words = cmd if isinstance(cmd, list) else [cmd]
    if not any(word.strip() for word in words):
        raise BadArgument("the command is empty")
    if isinstance(cmd, list) and not how.python_shell:
        return tuple(cmd)
    if how.python_shell is False:
        return tuple(_split(" ".join(words)))
    text = shlex.join(cmd) if isinstance(cmd, list) else cmd
    return (_shell(host, how), "-c", text)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadArgument(f"{text!r} can't be split into words: {error}") from None


def _shell(host: Host, how: Options) -> str:
    path = how.shell or host.environment.get("SHELL") or "/bin/sh"
    if host.which(path) is None:
        raise NotFound(f"no shell {path!r} on this host", hint="cmd.shells lists what there is")
    return path


def _home(host: Host) -> str:
    home = host.user().home
    return home if host.exists(home) else "/"


#: Everything but LC_ALL, so that a caller's own LC_… still counts.
_CATEGORIES = (
    *("CTYPE", "NUMERIC", "TIME", "COLLATE", "MONETARY", "MESSAGES", "PAPER", "NAME"),
    *("ADDRESS", "TELEPHONE", "MEASUREMENT", "IDENTIFICATION"),
)
_ENGLISH: dict[str, str | None] = {"LANGUAGE": "C", **{f"LC_{category}": "C" for category in _CATEGORIES}}


def _environment(host: Host, how: Options) -> dict[str, str | None]:
    given = {name: "" if value is None else str(value) for name, value in _pairs(how.env).items()}
    environment: dict[str, str | None] = {**(_ENGLISH if how.reset_system_locale else {}), **given}
    if "NOTIFY_SOCKET" not in given:
        environment["NOTIFY_SOCKET"] = None  # a service's own channel to systemd, not the program's
    if how.prepend_path:
        inherited = "" if how.clean_env else host.environment.get("PATH", "")
        path = given.get("PATH", inherited)
        environment["PATH"] = f"{how.prepend_path}:{path}" if path else how.prepend_path
    return environment


def _pairs(env: dict[str, Any] | list[dict[str, Any]] | str | None) -> dict[str, Any]:
    """Take the environment as a mapping, as a list of mappings, or as YAML text of either."""
    if isinstance(env, str):
        import yaml

        try:
            env = yaml.safe_load(env)
        except yaml.YAMLError:
            raise BadArgument(f"env = {env!r} is not YAML", hint="write env='{NAME: value}'") from None
    if env is None or isinstance(env, dict):
        return env or {}
    if isinstance(env, list) and all(isinstance(one, dict) for one in env):
        return {name: value for one in env for name, value in one.items()}
    raise BadArgument(f"env = {env!r} is no mapping of names to values", hint="write env='{NAME: value}'")


def _umask(umask: str | int | None) -> int | None:
    if umask is None:
        return None
    try:
        return int(str(umask), 8)
    except ValueError:
        raise BadArgument(f"umask = {umask!r} is not octal", hint="write umask=022") from None


def _result(done: Finished, how: Options) -> dict[str, Any]:
    stdout, stderr = (_text(data, how) for data in (done.stdout, done.stderr))
    if done.timed_out:
        stdout = f"{stdout}\n" * bool(stdout) + f"Timed out after {how.timeout:g} seconds"
    code = 0 if not done.timed_out and _counts_as_success(done.retcode, stdout, stderr, how) else done.retcode
    return {"pid": done.pid, "retcode": code, "stdout": stdout, "stderr": stderr}


def _text(data: bytes, how: Options) -> str:
    try:
        text = data.decode(how.output_encoding or "utf-8", errors="replace")
    except LookupError:
        raise BadArgument(f"no encoding called {how.output_encoding!r}") from None
    return text.rstrip() if how.rstrip else text


def _counts_as_success(code: int, stdout: str, stderr: str, how: Options) -> bool:
    return (
        code in _codes(how.success_retcodes)
        or any(text in stdout for text in _texts(how.success_stdout))
        or any(text in stderr for text in _texts(how.success_stderr))
    )


def _codes(given: list[int] | int | str | None) -> list[int]:
    if given is None or isinstance(given, list):
        return given or []
    try:
        return [int(part) for part in str(given).split(",")]
    except ValueError:
        raise BadArgument(f"success_retcodes = {given!r} is no list of numbers") from None


def _texts(given: list[str] | str | None) -> list[str]:
    return given if isinstance(given, list) else [given] if given else []


def _complaint(command: Command, result: dict[str, Any]) -> str:
    said = (result["stderr"] or result["stdout"]).strip()
    return f"{command.argv[-1]!r} ended with code {result['retcode']}" + (f": {said}" if said else "")


def with_arguments(path: str, args: Words | None) -> Words:
    """Return the command that runs ``path``: with text as a shell splits it, or with words as they are."""
    return [path, *args] if isinstance(args, list) else f"{path} {args}" if args else [path]


@contextmanager
def private_copy(host: Host, content: bytes, runas: str | None) -> Iterator[str]:
    """Lay ``content`` down as a program that only the user it runs as may read, for a while."""
    path = f"{host.environment.get('TMPDIR') or '/tmp'}/saltern-{secrets.token_hex(12)}"  # noqa: S108
    host.write(path, content, mode=0o700, owner=host.user(runas) if runas else None)
    try:
        yield path
    finally:
        host.remove(path)
