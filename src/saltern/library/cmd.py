"""Programs and shell commands: run one, and know how it ended.

Text is given to a shell because the caller wrote a shell command; a list is a program and its arguments
and sees no shell. A call whose program fails has failed, and still returns what the program wrote.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from saltern.sdk import BadArgument, Command, CommandFailed, Finished, Host, NotFound, takes

Words = str | list[str]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the functions that run something have in common."""

    stdin: str | None = None
    runas: str | None = None  # the user to be
    group: str | None = None
    shell: str | None = None  # the shell's path; the agent's SHELL, else /bin/sh
    python_shell: bool | None = None  # false: split the text into words, no shell
    env: dict[str, Any] | list[dict[str, Any]] | str | None = None  # laid over the environment
    clean_env: bool = False  # nothing but ``env``
    prepend_path: str | None = None  # directories to search first
    rstrip: bool = True  # cut white space from the output's end
    umask: str | int | None = None  # octal digits
    output_encoding: str | None = None
    output_loglevel: str = "debug"  # accepted as Salt has it; output is not logged here
    hide_output: bool = False  # neither show nor return the output
    timeout: float | None = None  # seconds, then the whole process group is killed
    reset_system_locale: bool = True  # speak English, sort by bytes
    ignore_retcode: bool = False  # the call does not fail with the program
    use_vt: bool = False  # accepted as Salt has it; output is shown as it comes anyway
    redirect_stderr: bool | None = None  # stderr into stdout
    bg: bool = False  # leave it running, return at once
    raise_err: bool = False  # fail with an error, not with the output
    success_retcodes: list[int] | int | str | None = None  # codes that mean success, besides 0
    success_stdout: list[str] | str | None = None  # texts whose presence means success
    success_stderr: list[str] | str | None = None


@takes(Options)
def run(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> str:
    """Run a command and return what it wrote, stderr among it.

    Example:
        saltern run '*' cmd.run 'ls -l / | grep etc' timeout=10
    """
    how = Options(**options)
    text: str = _run(host, cmd, cwd, how, merge=how.redirect_stderr is not False)["stdout"]
    return text


@takes(Options)
def shell(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> str:
    """Run a command by a shell, always, and return what it wrote, stderr among it.

    Example:
        saltern run '*' cmd.shell 'echo $HOME'
    """
    return run(host, cmd, cwd, **options | {"python_shell": True})


@takes(Options)
def run_all(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> dict[str, Any]:
    """Run a command; return ``{pid, retcode, stdout, stderr}``.

    Example:
        saltern run '*' cmd.run_all 'ls /nowhere'
    """
    how = Options(**options)
    return _run(host, cmd, cwd, how, merge=how.redirect_stderr is True)


@takes(Options)
def run_stdout(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> str:
    """Run a command and return what it wrote to stdout.

    Example:
        saltern run '*' cmd.run_stdout 'ls /'
    """
    text: str = _run(host, cmd, cwd, Options(**options))["stdout"]
    return text


@takes(Options)
def run_stderr(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> str:
    """Run a command and return what it wrote to stderr.

    Example:
        saltern run '*' cmd.run_stderr 'ls /nowhere'
    """
    text: str = _run(host, cmd, cwd, Options(**options))["stderr"]
    return text


@takes(Options)
def retcode(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> int:
    """Run a command and return the code it ended with: negative for a signal, 124 when time was over.

    Example:
        saltern run '*' cmd.retcode 'grep -q root /etc/passwd'
    """
    code: int = _run(host, cmd, cwd, Options(**options))["retcode"]
    return code


@takes(Options)
def run_bg(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> dict[str, int]:
    """Start a command and leave it; return ``{pid}``. It outlives the call, its output is thrown away.

    Example:
        saltern run '*' cmd.run_bg 'sleep 60; touch /tmp/done'
    """
    return {"pid": host.spawn(_command(host, cmd, cwd, Options(**options)))}


@takes(Options)
def script(
    host: Host, source: str, args: Words | None = None, cwd: str | None = None, **options: Any
) -> dict[str, Any]:
    """Run a script that lies on the host, with arguments; return ``{pid, retcode, stdout, stderr}``.

    A copy is run, readable by the user it runs as; its first line names the interpreter.
    Raises NotFound, BadArgument for a source that is no path on the host.

    Example:
        saltern run '*' cmd.script /root/fix.sh 'one two'
    """
    how = Options(**options)
    with _private_copy(host, host.read(_local_path(source)), how.runas) as copy:
        return run_all(host, _with_arguments(copy, args), cwd, **options)


@takes(Options)
def script_retcode(
    host: Host, source: str, args: Words | None = None, cwd: str | None = None, **options: Any
) -> int:
    """Run a script that lies on the host and return the code it ended with.

    Example:
        saltern run '*' cmd.script_retcode /root/check.sh
    """
    code: int = script(host, source, args, cwd, **options)["retcode"]
    return code


@takes(Options)
def exec_code(
    host: Host, lang: str, code: str, cwd: str | None = None, args: Words | None = None, **options: Any
) -> str:
    """Run a piece of code by an interpreter and return what it wrote to stdout.

    Example:
        saltern run '*' cmd.exec_code python3 'print(6 * 7)'
    """
    text: str = exec_code_all(host, lang, code, cwd, args, **options)["stdout"]
    return text


@takes(Options)
def exec_code_all(
    host: Host, lang: str, code: str, cwd: str | None = None, args: Words | None = None, **options: Any
) -> dict[str, Any]:
    """Run a piece of code by an interpreter; return ``{pid, retcode, stdout, stderr}``.

    Example:
        saltern run '*' cmd.exec_code_all python3 'import sys; sys.exit(3)'
    """
    how = Options(**options)
    with _private_copy(host, code.encode(), how.runas) as copy:
        return run_all(host, [lang, copy, *_words(args)], cwd, **options)


def has_exec(host: Host, cmd: str) -> bool:
    """Tell whether a program is on the host's PATH.

    Example:
        saltern run '*' cmd.has_exec cat
    """
    return host.which(cmd) is not None


def which(host: Host, cmd: str) -> str | None:
    """Return a program's path; null when it is not on the host's PATH.

    Example:
        saltern run '*' cmd.which cat
    """
    return host.which(cmd)


def which_bin(host: Host, cmds: list[str]) -> str | None:
    """Return the path of the first of some programs that is there; null when none is.

    Example:
        saltern run '*' cmd.which_bin '[pip3, pip]'
    """
    return next((path for path in map(host.which, cmds) if path), None)


def shells(host: Host) -> list[str]:
    """Return the login shells that /etc/shells lists.

    Example:
        saltern run '*' cmd.shells
    """
    lines = (line.partition("#")[0].strip() for line in host.text("/etc/shells", "").splitlines())
    return [line for line in lines if line]


def _run(host: Host, cmd: Words, cwd: str | None, how: Options, merge: bool = False) -> dict[str, Any]:
    """Run, mark the call failed when the program did, and return ``{pid, retcode, stdout, stderr}``."""
    command = _command(host, cmd, cwd, how, merge)
    if how.bg:
        return {"pid": host.spawn(command), "retcode": 0, "stdout": "", "stderr": ""}
    result = _result(host.execute(command), how)
    if not how.ignore_retcode:
        host.fail(result["retcode"])
    if how.raise_err and result["retcode"]:
        raise CommandFailed(_complaint(command, result), retcode=result["retcode"])
    if how.hide_output:
        result |= {"stdout": "", "stderr": ""}
    return result


def _command(host: Host, cmd: Words, cwd: str | None, how: Options, merge: bool = False) -> Command:
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

        env = yaml.safe_load(env)
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


def _local_path(source: str) -> str:
    path = source.removeprefix("file://")
    if not path.startswith("/"):
        raise BadArgument(
            f"source = {source!r} is no path on the host",
            hint="write an absolute path, as in cmd.script /root/fix.sh",
        )
    return path


def _with_arguments(path: str, args: Words | None) -> Words:
    return [path, *args] if isinstance(args, list) else f"{path} {args}" if args else [path]


def _words(args: Words | None) -> list[str]:
    return args if isinstance(args, list) else [args] if args else []


@contextmanager
def _private_copy(host: Host, content: bytes, runas: str | None) -> Iterator[str]:
    """Lay ``content`` down as a program that only the user it runs as may read, for a while."""
    path = f"{host.environment.get('TMPDIR') or '/tmp'}/saltern-{secrets.token_hex(12)}"  # noqa: S108
    host.write(path, content, mode=0o700, owner=host.user(runas) if runas else None)
    try:
        yield path
    finally:
        host.remove(path)
