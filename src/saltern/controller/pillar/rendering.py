"""One pillar, made in a process that renders."""

from __future__ import annotations

import fnmatch
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from saltern.controller.pillar.questions import Answer, Problem, Render, Setup
from saltern.controller.pillar.sources import SOURCES, Asking, Source, build_sources
from saltern.controller.pillar.trees import Trees
from saltern.controller.pillar.trust import Trust, said
from saltern.engine.pillar import Aids, External, compile_pillar, show_top
from saltern.engine.pillar_data import encode
from saltern.engine.site import Site
from saltern.foundation import settings as reading
from saltern.foundation.errors import NotAllowed, SalternError
from saltern.sdk.errors import TimedOut
from saltern.sdk.local import LocalHost
from saltern.sls.fault import SlsError
from saltern.sls.renderers import RENDERERS, Renderer, Renderers
from saltern.sls.template import Template, Work
from saltern.sls.world import World

#: Functions that templates may call here: they look, and change nothing.
USUAL_FUNCTIONS = (
    *("cmd.run", "cmd.run_stdout", "cmd.run_all", "cmd.retcode", "cmd.shell", "cmd.has_exec", "cmd.which"),
    *("config.get", "config.option", "data.get", "environ.get", "environ.has_value", "environ.items"),
    *("file.basename", "file.dirname", "file.join", "file.directory_exists", "file.file_exists"),
    *("file.get_hash", "file.read", "file.readlink", "file.stats", "file.find", "grains.*", "hashutil.*"),
    *("http.query", "match.*", "network.*", "pillar.*", "random.*", "sdb.get", "slsutil.*", "sys.*"),
    *("test.*", "timezone.get_zone", "vault.read_secret", "x509.read_certificate"),
)
#: Functions whose answers depend on the agent's grains and pillar alone.
_PURE_NOUNS = frozenset({"grains", "match", "pillar", "slsutil"})
_PURE_RENDERERS = frozenset({"age", "gpg", "jinja", "json", "text", "toml", "tomlmod", "yaml"})
_TEXTS, _LONGEST_TEXT = 512, 1024 * 1024


class Kitchen:
    """Makes pillars, one after another. What can be used again for the next is kept."""

    def __init__(self, setup: Setup) -> None:
        """Take the settings. Raises SettingsError."""
        self._settings = setup.pillar
        self._directory = setup.settings
        self._timeout = reading.duration(setup.pillar.timeout)
        self._longest = reading.duration(setup.pillar.cache_for)
        self._opts = _opts(setup)
        self._renderers = Remembering()
        self.trees = Trees(setup.pillar.backends, Path(setup.directory), Path(setup.usual))
        self._sources = build_sources(setup.pillar.ext_pillar, Path(setup.directory), SOURCES)

    def make(self, question: Render) -> Answer:
        """Return the pillar, or why there is none."""
        trust = Trust(question.told, self._settings.trusted_grains, question.pinned)
        try:
            with _within(self._timeout, question.name):
                answer = self._made(question, trust)
        except SlsError as error:
            return Answer(version=self.trees.version, problem=_problem(error, trust), ignored=_listed(trust))
        except SalternError as error:
            text = str(error)
            problem = Problem(code=error.code, message=text, told=text, hint=error.hint)
            return Answer(version=self.trees.version, problem=problem, ignored=_listed(trust))
        return msgspec.structs.replace(answer, ignored=_listed(trust))

    def _made(self, question: Render, trust: Trust) -> Answer:
        if question.version != self.trees.version or not self.trees.version:
            self.trees.survey()
        try:
            return self._cooked(question, trust)
        except SalternError:
            if not self.trees.tree.outdated:
                raise
        self.trees.forget()  # a file was changed while it was read: look again
        self.trees.survey()
        return self._cooked(question, trust)

    def _cooked(self, question: Render, trust: Trust) -> Answer:
        tree, aids = self.trees.tree, Aids(self._renderers, trust.note_target)
        self._renderers.impure = False
        surroundings = Surroundings(self._settings.functions)
        world = self._world(question, trust, surroundings)
        if question.top:
            return Answer(version=self.trees.version, top=show_top(world, tree, aids=aids))
        asking = Asking(world=world, tree=tree, aids=aids)
        external = [External(one.name, _asker(one, asking)) for one in self._sources]
        pillar = compile_pillar(world, tree, external=external, aids=aids)
        impure = surroundings.impure or self._renderers.impure
        reuse = 0.0 if impure else min([self._longest, *(one.reuse for one in self._sources)])
        return Answer(version=self.trees.version, data=encode(pillar), reuse=reuse)

    def _world(self, question: Render, trust: Trust, surroundings: Surroundings) -> World:
        opts = {
            **self._opts,
            "id": question.name,
            "saltenv": question.saltenv or None,
            "pillarenv": question.pillarenv or None,
        }
        host = LocalHost(grains=lambda: trust.grains, settings=self._directory)
        site = Site(host, self.trees.tree, pillar=lambda given, saltenv: {}, opts=opts)
        host.supply = site.supply

        def call(fun: str, *args: Any, **kwargs: Any) -> Any:
            surroundings.admit(fun)
            return site.supply.call(host, fun, args, kwargs)

        # The environment whose top files count is pillarenv's to say: `saltenv` would restrict states.
        return World(
            id=question.name,
            call=call,
            grains=trust.grains,
            pillar={},
            opts=opts,
            knows=site.supply.has,
            host=host,
        )


class Surroundings:
    """Which functions a template may call here, and whether it called any that depends on the moment."""

    def __init__(self, more: list[str]) -> None:
        self._allowed = (*USUAL_FUNCTIONS, *more)
        self.impure = False

    def admit(self, fun: str) -> None:
        """Raise NotAllowed for a function that has no place in a pillar."""
        if not any(fnmatch.fnmatchcase(fun, pattern) for pattern in self._allowed):
            raise NotAllowed(
                f"{fun} can't be called while a pillar is rendered: it would run on the controller",
                hint=f"if it is harmless there: pillar: {{functions: [{fun}]}}",
            )
        if fun.partition(".")[0] not in _PURE_NOUNS:
            self.impure = True


class Remembering(Renderers):
    """All renderers; the same text of YAML is read once. ``impure`` tells that a program was rendered."""

    def __init__(self) -> None:
        super().__init__({})
        self._texts: dict[str, Any] = {}
        self.impure = False

    def get(self, name: str) -> Renderer:
        """Return a renderer. Raises NotFound."""
        found = RENDERERS.get(name)
        if name not in _PURE_RENDERERS:
            self.impure = True
        return self._yaml if name == "yaml" else found

    def _yaml(self, work: Work, template: Template, argument: str) -> Work:
        text = work.content
        if work.secret or not isinstance(text, str) or len(text) > _LONGEST_TEXT:
            return RENDERERS.get("yaml")(work, template, argument)
        if text not in self._texts:
            made = RENDERERS.get("yaml")(work, template, argument).content
            if len(self._texts) >= _TEXTS:
                del self._texts[next(iter(self._texts))]
            self._texts[text] = made
        return Work(self._texts[text], work.source, work.secret)


def _opts(setup: Setup) -> dict[str, Any]:
    own = setup.pillar
    return {
        "renderer": "jinja|yaml",
        "nodegroups": setup.nodegroups,
        "gpg_keydir": own.gpg_home or f"{setup.settings}/gpgkeys",
        "age_identity": own.age_identity or f"{setup.settings}/age.key",
        **own.options,
        "pillar_source_merging_strategy": own.source_merging_strategy,
        "pillar_merge_lists": own.merge_lists,
        "pillar_includes_override_sls": own.includes_override_sls,
        "ext_pillar_first": own.ext_pillar_first,
    }


def _asker(source: Source, asking: Asking) -> Any:
    def ask(name: str, pillar: Mapping[str, Any]) -> Mapping[str, Any]:
        with _named(source):
            return source.ask(asking, name, pillar)

    return ask


@contextmanager
def _named(source: Source) -> Iterator[None]:
    """Let whatever a source raises be an error; most are strangers' libraries."""
    try:
        yield
    except SalternError:
        raise
    except Exception as error:
        raise SourceFailed(f"{type(error).__name__}: {error}") from error


class SourceFailed(SalternError):
    """A source of pillar data failed in a way of its own."""

    code = "source_failed"


@contextmanager
def _within(seconds: float, name: str) -> Iterator[None]:
    """Raise TimedOut in what takes longer. What does not listen is killed by the controller."""

    def over(number: int, frame: Any) -> None:
        raise TimedOut(f"the pillar of {name} takes longer than {seconds:g} s", hint="see pillar.timeout")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _problem(error: SlsError, trust: Trust) -> Problem:
    """Return the problem. Lines around a fault may be another agent's secrets: they stay here."""
    faults = [f"{one.where}: {one.message}" if one.where.path else one.message for one in error.faults]
    hint = said(trust.ignored) if trust.ignored else next((one.hint for one in error.faults if one.hint), "")
    return Problem(code=error.code, message=error.message, told="\n".join(faults), hint=hint)


def _listed(trust: Trust) -> tuple[str, ...]:
    return tuple(sorted(trust.ignored))
