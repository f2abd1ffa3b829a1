"""States: what SLS files declare, looked at, run, and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saltern.engine.runner import Wishes
from saltern.engine.site import Site, site_of
from saltern.engine.states import STOP, Results, look, perform
from saltern.engine.turn import holder
from saltern.sdk import BadArgument, Host, NotFound, NotSupported
from saltern.sls import show
from saltern.sls.low import Compiled

Names = str | list[str]
Data = dict[str, Any]

#: The code of a call in which a state failed; one that could not begin has 1.
FAILED = 2
#: What ``state.drift`` names at most.
_DIFFERENCES, _FAILURES = 200, 20


def apply_(
    host: Host,
    mods: Names | None = None,
    test: bool = False,
    pillar: Data | None = None,
    saltenv: str = "base",
    exclude: Names | None = None,
    queue: bool = False,
    parallel: bool | str = False,
    failhard: bool = False,
    pillarenv: str | None = None,
) -> Results:
    """Apply SLS, or the highstate without any; return each state's result.

    ``test`` only looks, and writes nothing. ``pillar`` is laid over the host's own, which is that of one
    environment with ``pillarenv``. ``parallel=auto`` runs at once whatever the requisites leave independent.
    ``queue`` waits while another run is at work.

    Example:
        saltern run 'web*' state.apply nginx test=True
    """
    names = _names(mods)
    _bring_code(host, test)
    compiled = _compiled(host, names, pillar, saltenv, exclude, pillarenv)
    what = f"state.apply {','.join(names)}".rstrip()
    return _made(host, compiled, _wishes(test, parallel, failhard), what, queue)


def sls(
    host: Host,
    mods: Names,
    test: bool = False,
    pillar: Data | None = None,
    saltenv: str = "base",
    exclude: Names | None = None,
    queue: bool = False,
    parallel: bool | str = False,
    failhard: bool = False,
    pillarenv: str | None = None,
) -> Results:
    """Apply SLS; as ``state.apply`` with their names.

    Example:
        saltern run 'web*' state.sls nginx,users
    """
    if not _names(mods):
        raise BadArgument("state.sls: no SLS is named", hint="state.highstate applies the top file's")
    return apply_(host, mods, test, pillar, saltenv, exclude, queue, parallel, failhard, pillarenv)


def highstate(
    host: Host,
    test: bool = False,
    pillar: Data | None = None,
    exclude: Names | None = None,
    queue: bool = False,
    parallel: bool | str = False,
    failhard: bool = False,
    pillarenv: str | None = None,
) -> Results:
    """Apply all that the top files give the host; as ``state.apply`` without names.

    Example:
        saltern run '*' state.highstate test=True
    """
    _bring_code(host, test)
    compiled = _compiled(host, [], pillar, "base", exclude, pillarenv)
    return _made(host, compiled, _wishes(test, parallel, failhard), "state.highstate", queue)


def single(
    host: Host, fun: str, name: str, test: bool = False, queue: bool = False, **arguments: Any
) -> Results:
    """Keep one state that is in no SLS.

    Example:
        saltern run '*' state.single file.absent /etc/motd
    """
    data = {name: {fun: [{"name": name}, *({key: value} for key, value in arguments.items())]}}
    compiled = site_of(host).compile_data(data, f"state.single {fun}")
    return _made(host, compiled, Wishes(test=test), f"state.single {fun} {name}", queue)


def sls_id(
    host: Host,
    id: str,
    mods: Names | None = None,
    test: bool = False,
    pillar: Data | None = None,
    saltenv: str = "base",
    queue: bool = False,
) -> Results:
    """Apply the states of one id alone, without what they require.

    Example:
        saltern run 'web*' state.sls_id nginx-config nginx
    """
    import msgspec

    from saltern.sls.low import Step

    compiled = _compiled(host, _names(mods), pillar, saltenv, None)
    alone = tuple(msgspec.structs.replace(chunk, requisites=()) for chunk in show.sls_id(compiled, id))
    steps = tuple(map(Step, range(len(alone))))
    return _made(host, Compiled(chunks=alone, steps=steps), Wishes(test=test), f"state.sls_id {id}", queue)


def high(host: Host, data: Data, test: bool = False, queue: bool = False, saltenv: str = "base") -> Results:
    """Apply high data: what an SLS says, as data; ``salt://`` paths are looked up in ``saltenv``.

    Example:
        saltern run '*' state.high '{motd: {file.managed: [{name: /etc/motd}, {contents: hello}]}}'
    """
    compiled = site_of(host).compile_data(data, "state.high", saltenv)
    return _made(host, compiled, Wishes(test=test), "state.high", queue)


def plan(
    host: Host,
    mods: Names | None = None,
    pillar: Data | None = None,
    saltenv: str = "base",
    exclude: Names | None = None,
) -> Any:
    """Return what ``state.apply`` would change now, what can't be known, and a fingerprint of it all.

    Example:
        saltern run web1 state.plan nginx
    """
    from saltern.engine import plan as plans

    return plans.plan(site_of(host), _names(mods), saltenv=saltenv, pillar=pillar, exclude=_names(exclude))


def apply_plan(
    host: Host,
    fingerprint: str,
    mods: Names | None = None,
    pillar: Data | None = None,
    saltenv: str = "base",
    exclude: Names | None = None,
    planned: list[Any] | None = None,
    queue: bool = False,
    parallel: bool | str = False,
) -> Results:
    """Apply SLS if that does exactly what was planned, else do nothing and say what differs.

    ``fingerprint`` is that of a ``state.plan`` with the same arguments; ``planned`` what it foresaw, in few
    words. ``saltern apply --plan ID`` gives each agent its own.

    Example:
        saltern run web1 state.apply_plan 2c26b46b68ffc68ff99b453c1d304134 nginx
    """
    import msgspec

    from saltern.engine import plan as plans

    site = site_of(host)
    wanted = plans.Plan(
        machine=site.opts.get("id", ""),
        made=0.0,
        states=tuple(_names(mods)),
        saltenv=saltenv,
        pillar=pillar or {},
        exclude=tuple(_names(exclude)),
        planned=(),
        fingerprint=fingerprint,
    )
    told = msgspec.convert(planned or [], list[plans.Told])
    auto = _wishes(False, parallel, False).auto
    results = plans.apply_approved(site, wanted, told, auto=auto, queue=queue)
    return _judged(host, results)


def drift(host: Host, mods: Names | None = None, saltenv: str = "base") -> dict[str, Any]:
    """Return whether the host is as declared by SLS, or by its highstate without any. Writes nothing.

    Returns ``{states, differs: [[key, what it would do, mark]], failures: [states that would fail, and why],
    unknown}``. Actions, of which nobody knows whether they would change anything, are only counted.

    Example:
        saltern run '*' state.drift
    """
    from saltern.engine import plan as plans

    made = plans.plan(site_of(host), _names(mods), saltenv=saltenv)
    known = [one for one in made.planned if one.result is None and one.changes and not one.unknown]
    told = {one.key: one for one in plans.told_of(made)}
    return {
        "states": len(made.planned),
        "differs": [told[one.key] for one in known[:_DIFFERENCES]],
        "failures": [f"{one.key}: {one.comment}" for one in made.planned if one.result is False][:_FAILURES],
        "unknown": sum(bool(one.unknown) for one in made.planned),
    }


def undo(host: Host, run: str | None = None) -> dict[str, Any]:
    """Bring back the files, modes, owners and links that a run changed; without ``run`` the last that did.

    ``run`` is the run's name, how it begins, or the id of the job that made it.

    Returns ``{run, restored: [path], left: [what could not be brought back, and why]}``.

    Example:
        saltern run web1 state.undo
    """
    from saltern.engine import undo as undoing

    directory = _directory(host)
    done = undoing.undo(host, directory, undoing.find(directory, run))
    return {"run": done.run, "restored": done.restored, "left": done.left}


def runs(host: Host) -> list[dict[str, Any]]:
    """Return the runs that are recorded and may be undone, the latest first.

    Example:
        saltern run web1 state.runs
    """
    from saltern.engine import journal

    return [
        {"run": head.run, "what": head.what, "started": head.started, "states": head.states}
        for head in journal.runs(_directory(host))
    ]


def explain(host: Host, run: str, state: str) -> dict[str, Any]:
    """Return how a state was written in a run that is recorded here, and what the host is like.

    ``run`` is the run's name, or the id of the job that made it; ``state`` is ``file.managed ID``, or its key
    in a return. Returns ``{state, where, sls, arguments, requisites, grains}``; secrets are covered.

    Example:
        saltern run web1 state.explain 20261122130500123456 'file.managed motd'
    """
    from saltern.engine import explain as explaining
    from saltern.engine import undo as undoing

    directory = _directory(host)
    told = explaining.recorded(directory, undoing.find(directory, str(run)), state)
    grains = {name: value for name, value in host.grains.items() if isinstance(value, str | int | bool)}
    return told | {"grains": grains}


def show_sls(host: Host, mods: Names, pillar: Data | None = None, saltenv: str = "base") -> Data:
    """Return the high data that SLS come to.

    Example:
        saltern run web1 state.show_sls nginx
    """
    site = site_of(host)
    site.give_pillar(pillar)
    return site.high(_names(mods), saltenv=saltenv)


def show_low_sls(
    host: Host, mods: Names, pillar: Data | None = None, saltenv: str = "base", exclude: Names | None = None
) -> list[Data]:
    """Return the low data that SLS come to, in the order of the run.

    Example:
        saltern run web1 state.show_low_sls nginx
    """
    return show.low(_compiled(host, _names(mods), pillar, saltenv, exclude))


def show_highstate(host: Host, pillar: Data | None = None) -> Data:
    """Return the high data of the highstate.

    Example:
        saltern run web1 state.show_highstate
    """
    site = site_of(host)
    site.give_pillar(pillar)
    return site.high()


def show_lowstate(host: Host, pillar: Data | None = None) -> list[Data]:
    """Return the low data of the highstate, in the order of the run.

    Example:
        saltern run web1 state.show_lowstate
    """
    return show.low(_compiled(host, [], pillar, "base", None))


def show_top(host: Host) -> dict[str, list[str]]:
    """Return the SLS that the top files give the host, by environment.

    Example:
        saltern run web1 state.show_top
    """
    site = site_of(host)
    return show.top(site.world, site.tree)


def show_states(host: Host) -> list[str]:
    """Return the names of the SLS that the highstate comes from, includes among them.

    Example:
        saltern run web1 state.show_states
    """
    compiled = _compiled(host, [], None, "base", None)
    return list(dict.fromkeys(chunk.sls for chunk in compiled.check().chunks))


def sls_exists(host: Host, mods: Names, saltenv: str = "base") -> bool:
    """Tell whether every SLS named is there.

    Example:
        saltern run web1 state.sls_exists nginx,users
    """
    return show.sls_exists(site_of(host).tree, mods, saltenv)


def id_exists(host: Host, ids: Names, mods: Names | None = None, saltenv: str = "base") -> bool:
    """Tell whether every id named is in SLS, or in the highstate.

    Example:
        saltern run web1 state.id_exists nginx-config nginx
    """
    return show.id_exists(_compiled(host, _names(mods), None, saltenv, None), ids)


def graph(host: Host, mods: Names | None = None, saltenv: str = "base") -> str:
    """Return the requisites of SLS, or of the highstate, as a graph in Graphviz's language.

    Example:
        saltern run web1 state.graph nginx
    """
    return show.graph(_compiled(host, _names(mods), None, saltenv, None))


def running(host: Host) -> list[str]:
    """Return what is changing the host now: a line for the run at work, or nothing.

    Example:
        saltern run '*' state.running
    """
    directory = site_of(host).directory
    head = None if directory is None else holder(directory)
    return [] if head is None else [f"{head.what} (run {head.run}, process {head.pid})"]


def soft_kill(host: Host) -> str:
    """Have the run at work end before its next state; return its name.

    Raises NotFound when none is at work.

    Example:
        saltern run web1 state.soft_kill
    """
    directory = _directory(host)
    head = holder(directory)
    if head is None:
        raise NotFound("no run is at work here")
    host.write(str(directory / head.run / STOP), b"", mode=0o600)
    return head.run


def _directory(host: Host) -> Any:
    directory = site_of(host).directory
    if directory is None:
        raise NotSupported("runs are not recorded here")
    return directory


def _names(mods: Names | None) -> list[str]:
    if mods is None:
        return []
    return [name.strip() for name in (mods.split(",") if isinstance(mods, str) else mods) if name.strip()]


def _bring_code(host: Host, test: bool) -> None:
    """Have an agent know the file roots' grains before it compiles states; a dry run writes nothing."""
    if test or host.agent is None:
        return
    new = host.supply.sync(host)
    if new["grains"] or new["utils"]:
        host.agent.refresh_grains()
        host.forget_grains()


def _compiled(
    host: Host,
    mods: Sequence[str],
    pillar: Mapping[str, Any] | None,
    saltenv: str,
    exclude: Names | None,
    pillarenv: str | None = None,
) -> Compiled:
    site = site_of(host)
    site.give_pillar(pillar, pillarenv)
    return site.compile(mods, saltenv=saltenv, exclude=_names(exclude))


def _wishes(test: bool, parallel: bool | str, failhard: bool) -> Wishes:
    if parallel not in (True, False, "auto"):
        raise BadArgument(f"parallel = {parallel!r}", hint="write parallel=auto")
    return Wishes(test=test, auto=bool(parallel), failhard=failhard)


def _made(host: Host, compiled: Compiled, wishes: Wishes, what: str, queue: bool) -> Results:
    site: Site = site_of(host)
    if wishes.test:
        results = look(site, compiled, wishes)
    else:
        results = perform(site, compiled, wishes, what=what, queue=queue)
    return _judged(host, results)


def _judged(host: Host, results: Results) -> Results:
    if any(one["result"] is False for one in results.values()):
        host.fail(FAILED)
    return results
