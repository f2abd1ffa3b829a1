"""Programs and shell commands: run one, and know how it ended.

Text is given to a shell because the caller wrote a shell command; a list is a program and its arguments
and sees no shell. A call whose program fails has failed, and still returns what the program wrote.
"""

from __future__ import annotations

import re
from typing import Any

from saltern.library._command import Options, Words, command, execute, private_copy, with_arguments
from saltern.sdk import BadArgument, Command, Host, NotFound, takes


@takes(Options)
def run(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> str:
    """Run a command and return what it wrote, stderr among it.

    Example:
        saltern run '*' cmd.run 'ls -l / | grep etc' timeout=10
    """
    how = Options(**options)
    text: str = execute(host, cmd, cwd, how, merge=how.redirect_stderr is not False)["stdout"]
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
    return execute(host, cmd, cwd, how, merge=how.redirect_stderr is True)


@takes(Options)
def run_stdout(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> str:
    """Run a command and return what it wrote to stdout.

    Example:
        saltern run '*' cmd.run_stdout 'ls /'
    """
    text: str = execute(host, cmd, cwd, Options(**options))["stdout"]
    return text


@takes(Options)
def run_stderr(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> str:
    """Run a command and return what it wrote to stderr.

    Example:
        saltern run '*' cmd.run_stderr 'ls /nowhere'
    """
    text: str = execute(host, cmd, cwd, Options(**options))["stderr"]
    return text


@takes(Options)
def retcode(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> int:
    """Run a command and return the code it ended with: negative for a signal, 124 when time was over.

    Example:
        saltern run '*' cmd.retcode 'grep -q root /etc/passwd'
    """
    code: int = execute(host, cmd, cwd, Options(**options))["retcode"]
    return code


@takes(Options)
def run_bg(host: Host, cmd: Words, cwd: str | None = None, **options: Any) -> dict[str, int]:
    """Start a command and leave it; return ``{pid}``. It outlives the call, its output is thrown away.

    Example:
        saltern run '*' cmd.run_bg 'sleep 60; touch /tmp/done'
    """
    return {"pid": host.spawn(command(host, cmd, cwd, Options(**options)))}


@takes(Options)
def script(
    host: Host,
    source: str,
    args: Words | None = None,
    cwd: str | None = None,
    template: str | None = None,
    context: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Run a script, with arguments; return ``{pid, retcode, stdout, stderr}``.

    ``source`` is a path on the host, ``salt://`` or ``https://``; ``template`` (``jinja``) renders it with
    ``context``. A copy is run, readable by the user it runs as; its first line names the interpreter.
    Raises NotFound, BadArgument for another source.

    Example:
        saltern run '*' cmd.script /root/fix.sh 'one two'
    """
    how = Options(**options)
    if how.root is not None:
        raise BadArgument("root: a script lies outside of it", hint="cmd.run_chroot runs what is inside")
    with private_copy(host, _script(host, source, template, context), how.runas) as copy:
        return run_all(host, with_arguments(copy, args), cwd, **options)


@takes(Options)
def script_retcode(
    host: Host, source: str, args: Words | None = None, cwd: str | None = None, **options: Any
) -> int:
    """Run a script and return the code it ended with.

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
    with private_copy(host, code.encode(), how.runas) as copy:
        return run_all(host, [lang, copy, *_words(args)], cwd, **options)


@takes(Options)
def run_chroot(host: Host, root: str, cmd: Words, cwd: str | None = None, **options: Any) -> dict[str, Any]:
    """Run a command in another root directory; return ``{pid, retcode, stdout, stderr}``.

    User, group, shell and ``cwd`` are those of that root. /proc, /sys and /dev are there as they are there.

    Example:
        saltern run '*' cmd.run_chroot /srv/image 'apt-get check'
    """
    return run_all(host, cmd, cwd, **options | {"root": root})


def tty(host: Host, device: str, echo: str = "") -> dict[str, str]:
    """Write a text on a terminal (``tty0``, ``pts3``); return ``{Success}`` or ``{Error}``.

    Example:
        saltern run '*' cmd.tty pts3 'This is a test'
    """
    if not re.fullmatch(r"tty\w+|pts/?\d+", device):
        return {"Error": "The specified device is not a valid TTY"}
    path = f"/dev/{device.replace('pts', 'pts/').replace('//', '/')}"
    if host.stat(path) is None:
        return {"Error": "The specified device is not a valid TTY"}
    done = host.execute(Command(argv=("tee", path), stdin=f"{echo}\n".encode()))
    return {"Success": f"Message was successfully echoed to {path}"} if not done.retcode else {"Error": path}


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


#: How a shell or interpreter is asked for its version, and where in the answer that stands.
_VERSIONS = {
    "bash": (r"version (\d\S*)", "--version"),
    "zsh": (r"^zsh (\d\S*)", "--version"),
    "tcsh": (r"^tcsh (\d\S*)", "--version"),
    "fish": (r"version (\d\S*)", "--version"),
    "perl": (r"\(v(\d\S*)\)", "--version"),
    "python": (r"^Python (\d\S*)", "-V"),
    "python3": (r"^Python (\d\S*)", "-V"),
    "ruby": (r"^ruby (\d\S*)", "-v"),
    "php": (r"^PHP (\d\S*)", "-v"),
}


def shell_info(host: Host, shell: str) -> dict[str, Any]:
    """Return ``{installed, path, version, version_raw}`` of a shell or interpreter.

    ``version`` is the first two or three numbers of ``version_raw``. Where ``installed`` is false, or null
    because the answer is not understood, ``error`` says why.

    Example:
        saltern run '*' cmd.shell_info bash
    """
    if shell not in _VERSIONS:
        return {"installed": None, "error": f"how to ask {shell!r} for its version is not known"}
    path = host.which(shell)
    if path is None:
        return {"installed": False, "error": f"no program {shell!r} on this host"}
    pattern, option = _VERSIONS[shell]
    found = re.search(pattern, host.run(path, option), re.MULTILINE)
    if found is None:
        return {"installed": None, "path": path, "error": f"{shell} {option} gives no version"}
    number = re.match(r"\d+(\.\d+){0,2}", found[1])
    version = number[0] if number else found[1]
    return {"installed": True, "path": path, "version": version, "version_raw": found[1]}


def _script(host: Host, source: str, template: str | None, context: dict[str, Any] | None) -> bytes:
    """Return a script's content, rendered where that is asked for. Raises NotFound, BadArgument."""
    from saltern.library.file.origin import fetched

    data = fetched(host, source)
    if data is None:
        raise NotFound(f"{source}: no such script")
    if template is None:
        return data
    return host.supply.render(template, data.decode(errors="replace"), context or {}, source).encode()


def _words(args: Words | None) -> list[str]:
    return args if isinstance(args, list) else [args] if args else []
