"""Commands as states: run always, when something watched has changed, or until what they create is there."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from saltern.library._command import Options, Words, execute, private_copy, with_arguments
from saltern.sdk import Action, BadArgument, Changes, Done, Host, Moment, NotFound, State

STATE_ALIASES = {"watch": "Wait"}

Environment = dict[str, Any] | list[dict[str, Any]] | str | None


class _Surroundings(Action, frozen=True, kw_only=True):
    """What the states of ``cmd`` have in common; the meanings are those of the functions' options."""

    cwd: str | None = None
    root: str | None = None
    runas: str | None = None
    group: str | None = None
    shell: str | None = None
    env: Environment = None
    prepend_path: str | None = None
    stdin: str | None = None
    stateful: bool | list[dict[str, str]] = False
    umask: str | int | None = None
    timeout: float | None = None
    ignore_timeout: bool = False
    hide_output: bool = False
    output_loglevel: str = "debug"
    output_encoding: str | None = None
    use_vt: bool = False
    rstrip: bool = True
    clean_env: bool = False
    reset_system_locale: bool = True
    redirect_stderr: bool | None = None
    bg: bool = False
    success_retcodes: list[int] | int | str | None = None
    success_stdout: list[str] | str | None = None
    success_stderr: list[str] | str | None = None

    def check(self, host: Host) -> Changes:
        """Return that the command would be run."""
        return Changes(
            {} if self.stateful else {"cmd": self.name},
            unknown="what a command does is known when it has run",
            comment=f'Command "{self.name}" would have been executed',
        )

    def _options(self) -> Options:
        given = {name: getattr(self, name) for name in Options.__struct_fields__ if hasattr(self, name)}
        return Options(**given)

    def _run(self, host: Host, command: Words) -> Done:
        """Run ``command`` and return it as a state's end: its output are the changes."""
        if self.cwd is not None and not host.exists((self.root or "") + self.cwd):
            raise NotFound(f'Desired working directory "{self.cwd}" is not available')
        how = self._options()
        found = execute(host, command, self.cwd, how, merge=how.redirect_stderr is True)
        over_time = found["retcode"] == _TIMED_OUT and self.ignore_timeout
        ok = found["retcode"] == 0 or over_time
        comment = f'Command "{self.name}" run'
        return _as_told(ok, found) if self.stateful else Done(ok=ok, changes=found, comment=comment)


_TIMED_OUT = 124


class Run(_Surroundings, frozen=True, kw_only=True):
    """Run a command; ``name`` is what a shell is given.

    It is run each time: say with ``creates``, ``unless`` or ``onchanges`` when not. With ``stateful`` the
    last line it writes (``changed=yes comment='…'``, or JSON) says what it did.

    Example:
        - cmd.run: {name: make install, cwd: /usr/src/x, creates: /usr/bin/x}
    """

    python_shell: bool | None = None

    def apply(self, host: Host, changes: Changes) -> Done:
        """Run it."""
        return self._run(host, self.name)

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return itself: a run that was not due is due when something watched has changed."""
        return self


class _Waiting(State, frozen=True, kw_only=True):
    """What the states that wait for a watched one have in common: by themselves they do nothing."""

    def check(self, host: Host) -> Changes:
        """Return nothing: there is nothing to do before a watched state changes."""
        return Changes()

    def says(self, changes: Changes, moment: Moment) -> str:
        """Say nothing."""
        return ""


class Wait(_Waiting, Run, frozen=True, kw_only=True):
    """Run a command only when something watched has changed.

    Example:
        - cmd.wait: {name: newaliases, watch: [{file: /etc/aliases}]}
    """

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return the run."""
        return Run(**{name: getattr(self, name) for name in Run.__struct_fields__})


class Script(_Surroundings, frozen=True, kw_only=True):
    """Run a script from the file roots (``source``, else ``name``), or one that lies on the host.

    ``template`` renders it first. Arguments stand after the name, or in ``args``.

    Example:
        - cmd.script: {name: fix.sh --all, source: 'salt://scripts/fix.sh'}
    """

    source: str | None = None
    args: str | list[str] | None = None
    template: str | None = None
    defaults: dict[str, Any] | None = None
    context: dict[str, Any] | None = None

    def apply(self, host: Host, changes: Changes) -> Done:
        """Lay the script down where only its user may read it, and run it."""
        source, _, rest = self.name.partition(" ")
        source = self.source or source
        arguments = self.args if self.args is not None else rest or None
        if self.root is not None:
            raise BadArgument("root: a script lies outside of it", hint="run it by cmd.run, from inside")
        with private_copy(host, self._content(host, source), self.runas) as copy:
            return self._run(host, with_arguments(copy, arguments))

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return itself."""
        return self

    def _content(self, host: Host, source: str) -> bytes:
        data = _fetched(host, source)
        if self.template is None:
            return data
        context = {**(self.defaults or {}), **(self.context or {})}
        text = data.decode(errors="replace")
        return host.supply.render(self.template, text, context, source).encode()


class WaitScript(_Waiting, Script, frozen=True, kw_only=True):
    """Run a script only when something watched has changed.

    Example:
        - cmd.wait_script: {name: 'salt://scripts/fix.sh', watch: [{file: /etc/x}]}
    """

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return the run."""
        return Script(**{name: getattr(self, name) for name in Script.__struct_fields__})


class Call(Action, frozen=True, kw_only=True):
    """Call a function of the library and take what it returns as the result.

    Text is the comment; a mapping with ``result``, ``comment`` and ``changes`` is the whole answer.

    Example:
        - cmd.call: {name: x, func: test.echo, args: [hello]}
    """

    func: str
    args: list[Any] = msgspec.field(default_factory=list)
    kws: dict[str, Any] | None = None

    def check(self, host: Host) -> Changes:
        """Return that the function would be called. Raises NotFound when there is none."""
        if not host.supply.has(self.func):
            raise NotFound(f"no function {self.func!r}")
        return Changes(
            unknown="what a function does is known when it has run",
            comment=f"{self.func} would have been called",
        )

    def apply(self, host: Host, changes: Changes) -> Done:
        """Call it."""
        found = host.supply.call(host, self.func, self.args, self.kws or {})
        failed = host.retcode != 0
        if isinstance(found, Mapping) and "result" in found:
            return Done(
                ok=found["result"] is not False and not failed,
                changes=found.get("changes", {}),
                comment=str(found.get("comment", "")),
            )
        comment = found if isinstance(found, str) else f"{self.func} called"
        ok = not failed and (found is None or bool(found))
        return Done(ok=ok, changes={"retval": found}, comment=comment)


class WaitCall(_Waiting, Call, frozen=True, kw_only=True):
    """Call a function only when something watched has changed.

    Example:
        - cmd.wait_call: {name: x, func: test.ping, watch: [{file: /etc/x}]}
    """

    def when_watched(self, changed: Sequence[str]) -> State | None:
        """Return the call."""
        return Call(name=self.name, func=self.func, args=self.args, kws=self.kws)


def _fetched(host: Host, source: str) -> bytes:
    """Return a script from the file roots or from the host. Raises NotFound."""
    if source.startswith(("/", "file://")):
        return host.read(source.removeprefix("file://"))
    data = host.supply.file(source if "://" in source else f"salt://{source}")
    if data is None:
        raise NotFound(f"{source}: no such file in the file roots (environment {host.supply.saltenv!r})")
    return data


def _as_told(ok: bool, found: Mapping[str, Any]) -> Done:
    """Return what a stateful command says of itself: JSON, or ``name=value`` words on its last line."""
    text = found["stdout"].rstrip()
    if not text:
        return Done(ok=ok, comment=found["stderr"])
    told, before = _read(text)
    if told is None:
        said = "the last line is neither JSON nor name=value pairs, as stateful asks"
        return Done(ok=False, changes=found, comment=said)
    comment = str(told.pop("comment", ""))
    changed = str(told.get("changed", "no")).lower()
    if changed not in _WORDS:
        return Done(ok=False, changes=found, comment=f"changed={changed}: neither yes nor no")
    return Done(
        ok=ok, changes={**found, **told, "stdout": before} if _WORDS[changed] else {}, comment=comment
    )


_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _read(text: str) -> tuple[dict[str, Any] | None, str]:
    """Return what was told, and the output without it."""
    before, _, last = text.rpartition("\n")
    try:
        told = json.loads(text)
        return (told, "") if isinstance(told, dict) else (None, text)
    except ValueError:
        pass
    try:
        pairs = [word.split("=", 1) for word in shlex.split(last)]
    except ValueError:
        return None, text
    return (dict(pairs), before) if all(len(one) == 2 for one in pairs) else (None, text)
