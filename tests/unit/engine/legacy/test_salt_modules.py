"""Salt modules as people write them, found in file roots, loaded and called."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from saltern.engine.call import call
from saltern.engine.legacy.collection import Collection
from saltern.engine.legacy.registry import CallRegistry
from saltern.engine.outcome import Outcome
from saltern.sdk import NotFound, Unavailable
from saltern.sdk.registry import LIBRARY, Registry
from saltern.sls.tree import LocalTree
from saltern.testing.host import FakeHost
from saltern.testing.states import site

USUAL = '''
# -*- coding: utf-8 -*-
"""What a team keeps of its own."""
from __future__ import absolute_import, print_function, unicode_literals

import logging

import salt.utils.files
import salt.utils.path as where
from salt.exceptions import CommandExecutionError, SaltInvocationError
from salt.ext import six

try:
    import nobody_has_this
    HAS_IT = True
except ImportError:
    HAS_IT = False

log = logging.getLogger(__name__)

__virtualname__ = "web"
__func_alias__ = {"list_": "list"}
__outputter__ = {"list": "txt"}
__opts__ = {}
__salt__ = {}


def __virtual__():
    if __grains__["kernel"] != "Linux":
        return (False, "it is for Linux")
    return __virtualname__


def __init__(opts):
    __context__["begun"] = opts["id"]


def list_(first, second="two", *rest, **named):
    """List things.

    CLI Example:

        salt '*' web.list a
    """
    return [first, second, list(rest), sorted(six.iteritems(named))]


def around():
    return {
        "os": __grains__["os"],
        "port": __pillar__.get("web", {}).get("port"),
        "id": __opts__["id"],
        "test": __opts__["test"],
        "begun": __context__["begun"],
        "lacks": HAS_IT,
        "knows": "test.echo" in __salt__,
        "unknown": "nothing.here" in __salt__,
        "logger": log.name.rpartition(".")[2],
        "twice": __utils__["numbers.twice"](4),
        "merged": __utils__["dictupdate.update"]({"a": 1}, {"b": 2}),
    }


def calls(text):
    return __salt__["test.echo"](text) + __salt__.test.echo("!")


def _hidden():
    return "no"


def refuses():
    raise CommandExecutionError("it is broken")


def catches():
    try:
        __salt__["file.read"]("/nowhere")
    except CommandExecutionError as error:
        return "caught"


def wrong():
    try:
        __salt__["test.echo"]()
    except SaltInvocationError as error:
        return "caught"


def divides():
    return 1 / 0


def fails():
    __context__["retcode"] = 3
    return "done, badly"


def host(host):
    return "host " + host
'''
NUMBERS = "def twice(number):\n    return 2 * number\n"
GRAINS = {"os": "Debian", "kernel": "Linux", "id": "fake"}


def run(
    fun: str, *args: Any, tree: dict[str, str], grains: dict[str, Any] | None = None, **kwargs: Any
) -> Outcome:
    host = FakeHost(grains=grains or GRAINS)
    made = site(host, tree=dict(tree), pillar={"web": {"port": 80}})
    return call(host, fun, args, kwargs, registry=made.registry)


def data(outcome: Outcome) -> Any:
    assert outcome.ok, outcome
    return json.loads(outcome.data)


TREE = {"_modules/team_web.py": USUAL, "_utils/numbers.py": NUMBERS}


def test_a_module_finds_salts_names_around_it() -> None:
    assert data(run("web.around", tree=TREE)) == {
        "os": "Debian",
        "port": 80,
        "id": "fake",
        "test": False,
        "begun": "fake",
        "lacks": False,
        "knows": True,
        "unknown": False,
        "logger": "team_web",
        "twice": 8,
        "merged": {"a": 1, "b": 2},
    }


def test_arguments_are_checked_by_its_signature() -> None:
    assert data(run("web.list", "a", 2, 3, four=5, tree=TREE)) == ["a", 2, [3], [["four", 5]]]
    lacking = run("web.list", tree=TREE)
    assert lacking.error is not None
    assert "argument 'first' is missing" in lacking.error.message
    assert data(run("web.host", host="x", tree=TREE)) == "host x"


def test_it_calls_functions_and_gets_salts_exceptions() -> None:
    assert data(run("web.calls", "hey", tree=TREE)) == "hey!"
    assert data(run("web.catches", tree=TREE)) == "caught"
    assert data(run("web.wrong", tree=TREE)) == "caught"


def test_an_error_names_file_and_line() -> None:
    refused = run("web.refuses", tree=TREE)
    assert refused.error is not None
    line = USUAL.splitlines().index('    raise CommandExecutionError("it is broken")') + 1
    assert refused.error.message == f"_modules/team_web.py:{line}: it is broken"
    assert refused.error.kind == "command_failed"
    divided = run("web.divides", tree=TREE)
    assert divided.error is not None
    line = USUAL.splitlines().index("    return 1 / 0") + 1
    assert f'File "_modules/team_web.py", line {line}, in divides\n    return 1 / 0' in divided.error.detail


def test_a_return_code_of_its_own() -> None:
    failed = run("web.fails", tree=TREE)
    assert (failed.ok, failed.retcode, json.loads(failed.data)) == (False, 3, "done, badly")


def test_what_is_private_or_imported_cannot_be_called() -> None:
    for fun in ("web._hidden", "web.CommandExecutionError", "team_web.calls", "web.list_"):
        outcome = run(fun, tree=TREE)
        assert outcome.error is not None
        assert outcome.error.kind == "not_found", fun


def test_a_module_that_declines_says_why() -> None:
    outcome = run("web.calls", "x", tree=TREE, grains={**GRAINS, "kernel": "Minix"})
    assert outcome.error is not None
    assert outcome.error.message == "_modules/team_web.py: __virtual__ returned False: it is for Linux"


def test_who_declines_leaves_the_librarys_alone() -> None:
    tree = {"_modules/test.py": "def __virtual__():\n    return False\ndef ping():\n    return 'mine'\n"}
    assert data(run("test.ping", tree=tree)) is True


def test_a_users_function_goes_before_the_librarys_and_the_others_stay() -> None:
    tree = {"_modules/test.py": "def ping():\n    return 'mine'\n"}
    assert data(run("test.ping", tree=tree)) == "mine"
    assert data(run("test.echo", "x", tree=tree)) == "x"
    assert LIBRARY.function("test.ping").module.__name__ == "saltern.library.test"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import os\ndef f(:\n", "_modules/bad.py:2: this module can't be loaded: SyntaxError"),
        (
            "import os\nimport salt.cloud\n",
            "_modules/bad.py:2: this module can't be loaded: ModuleNotFoundError: salt.cloud is not",
        ),
        (
            "from salt.utils.files import nonsense\n",
            "_modules/bad.py:1: this module can't be loaded: ModuleNotFoundError: salt.utils.files.nonsense",
        ),
        ("\n\n1 / 0\n", "_modules/bad.py:3: this module can't be loaded: ZeroDivisionError"),
        (
            "def __virtual__():\n    return 1 / 0\n",
            "_modules/bad.py:2: __virtual__ failed: ZeroDivisionError",
        ),
        ("def __init__(opts):\n    return 1 / 0\n", "_modules/bad.py:2: __init__ failed: ZeroDivisionError"),
        ("x = '\0'\n", "this module can't be loaded"),
    ],
)
def test_a_broken_module_says_where_and_spoils_nothing_else(text: str, says: str) -> None:
    tree = {**TREE, "_modules/bad.py": text}
    outcome = run("bad.f", tree=tree)
    assert outcome.error is not None
    assert says in outcome.error.message
    assert data(run("web.calls", "fine", tree=tree)) == "fine!"
    assert data(run("test.ping", tree=tree)) is True


def test_nothing_of_the_process_is_shadowed() -> None:
    before = dict(sys.modules)
    tree = {
        "_modules/json.py": "def dumps():\n    return 'mine'\n",
        "_modules/salt.py": "def f():\n    return 1\n",
    }
    assert data(run("json.dumps", tree=tree)) == "mine"
    assert data(run("salt.f", tree=tree)) == 1
    assert sys.modules["json"] is before["json"]
    assert "salt" not in sys.modules
    assert all(name.startswith(("saltern", "_")) for name in set(sys.modules) - set(before))


def test_a_package_has_siblings() -> None:
    tree = {
        "_modules/__init__.py": "",
        "_modules/big/__init__.py": "from .parts import total\nfrom . import parts\n"
        "def sum(*n):\n    return total(n)\ndef name():\n    return parts.NAME\n",
        "_modules/big/parts.py": "NAME = 'parts'\ndef total(numbers):\n    return len(numbers)\n",
        "_modules/alone.py": "from .helper import answer\ndef ask():\n    return answer()\n",
        "_modules/helper.py": "def answer():\n    return 42\n",
    }
    assert data(run("big.sum", 1, 2, tree=tree)) == 2
    assert data(run("big.name", tree=tree)) == "parts"
    assert data(run("alone.ask", tree=tree)) == 42


def test_old_names_of_salts_utilities() -> None:
    text = (
        "import salt.utils\nimport salt.modules.cmdmod\nfrom salt.ext.six.moves import range, shlex_quote\n"
        "def f():\n    return [salt.utils.is_true('yes'), salt.utils.to_num('7'), shlex_quote('a b')]\n"
        "def g():\n    return salt.modules.cmdmod._run_quiet('echo hi')\n"
    )
    host = FakeHost(grains=GRAINS, programs={"/bin/sh -c 'echo hi'": "hi\n"}, files={"/bin/sh": ""})
    made = site(host, tree={"_modules/old.py": text})
    assert data(call(host, "old.f", registry=made.registry)) == [False, 7, "'a b'"]
    assert data(call(host, "old.g", registry=made.registry)) == "hi"


def test_nouns_of_our_own_shape_work_too() -> None:
    text = (
        "from __future__ import annotations\nfrom saltern.sdk import Host\n"
        "def twice(host: Host, number: int) -> int:\n    '''Return it twice.'''\n    return 2 * number\n"
    )
    assert data(run("native.twice", "4", tree={"_modules/native.py": text})) == 8


def test_templates_and_documentation_see_them() -> None:
    host = FakeHost(grains=GRAINS)
    made = site(host, tree=TREE)
    assert (
        made.supply.render("jinja", "{{ salt['web.calls']('hi') }} {{ salt.web.list(1) }}", {}, "x")
        == "hi! [1, 'two', [], []]"
    )
    assert "List things." in made.registry.function("web.list").help
    assert "web.list" in made.registry.names()
    assert "web" in made.registry.nouns()


def test_runs_without_code_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost(grains=GRAINS)
    made = site(host, tree={"x.sls": "a: b"})
    reads: list[str] = []
    tree = made.tree
    monkeypatch.setattr(tree, "read", lambda saltenv, path: reads.append(path))
    assert made.registry.function("test.ping").name == "test.ping"
    assert reads == []


def test_code_of_a_directory_is_found_within_its_root_alone(tmp_path: Path) -> None:
    root, outside = tmp_path / "srv", tmp_path / "outside"
    (root / "_modules").mkdir(parents=True)
    outside.mkdir()
    (outside / "evil.py").write_text("def f():\n    return 'evil'\n")
    (root / "_modules/good.py").write_text("def f():\n    return 'good'\n")
    (root / "_modules/evil.py").symlink_to(outside / "evil.py")
    (root / "_states").symlink_to(outside)
    os.mkfifo(root / "_modules/pipe.py")
    (root / "_modules/not-a-name.py").write_text("")
    tree = LocalTree({"base": [str(root)]})
    code = Collection(FakeHost(grains=GRAINS), lambda: tree, LIBRARY)
    assert {kind: list(files) for kind, files in code.listing.items()} == {"modules": ["good"]}
    assert list(code.functions("good").members) == ["f"]
    assert code.functions("evil").members == {}


def test_one_that_cannot_be_read_spoils_no_other() -> None:
    host = FakeHost(grains=GRAINS)
    made = site(host, tree={"_modules/gone.py": "", "_modules/good.py": "def f():\n    return 'good'\n"})
    read = made.tree.read

    def failing(saltenv: str, path: str) -> Any:
        if path.endswith("gone.py"):
            raise Unavailable("it is gone")
        return read(saltenv, path)

    made.tree.read = failing  # type: ignore[method-assign]
    assert data(call(host, "good.f", registry=made.registry)) == "good"
    outcome = call(host, "gone.f", registry=made.registry)
    assert outcome.error is not None
    assert outcome.error.message == "it is gone"


def test_a_call_from_outside_asks_the_file_roots_only_when_it_must() -> None:
    asked: list[str] = []

    def beyond() -> Registry:
        asked.append("asked")
        return made.registry

    made = site(FakeHost(grains=GRAINS), tree={"_modules/test.py": "def mine():\n    return 1\n"})
    plain, knowing = CallRegistry(LIBRARY, (), beyond), CallRegistry(LIBRARY, ("test",), beyond)
    assert plain.function("test.ping").module.__name__ == "saltern.library.test"
    with pytest.raises(NotFound, match=r"no function .nothing."):
        plain.function("nothing")
    assert asked == []
    assert plain.function("test.mine").name == "test.mine"
    assert knowing.function("test.ping").name == "test.ping"
    assert asked == ["asked", "asked"]
    with pytest.raises(NotFound, match=r"no function 'test\.pnig'"):
        plain.function("test.pnig")


def test_options_are_those_of_the_call() -> None:
    text = (
        "import copy\n"
        "def look():\n"
        "    __opts__['mine'] = 1\n"
        "    plain = dict(__opts__)\n"
        "    deep = copy.deepcopy(__opts__)\n"
        "    return [plain['test'], deep['grains']['os'], __opts__.get('nothing', 'no'), plain['mine'],\n"
        "            __opts__['pillar']['web']['port'], 'id' in __opts__, len(plain) == len(__opts__)]\n"
    )
    assert data(run("own.look", tree={"_modules/own.py": text})) == [False, "Debian", "no", 1, 80, True, True]


def test_the_return_code_of_what_it_calls_is_in_its_context() -> None:
    text = "def f():\n    __salt__['cmd.run']('false')\n    return __context__['retcode']\n"
    host = FakeHost(grains=GRAINS, programs={"/bin/sh -c false": {"retcode": 1}}, files={"/bin/sh": ""})
    made = site(host, tree={"_modules/own.py": text})
    outcome = call(host, "own.f", registry=made.registry)
    assert (outcome.retcode, json.loads(outcome.data)) == (1, 1)
