"""What holds for every function that can be called, whoever wrote it."""

from __future__ import annotations

import inspect
import runpy
import shlex
from pathlib import Path

import msgspec
import pytest

from saltern.cli.arguments import parse
from saltern.engine.bind import bind
from saltern.sdk import Host
from saltern.sdk.registry import LIBRARY, Function

ROOT = Path(__file__).parent.parent.parent
FUNCTIONS = [LIBRARY.function(name) for name in LIBRARY.names()]
NAMES = [function.name for function in FUNCTIONS]
#: Their result is the moment's; they are tried against this machine instead.
ONLY_FOR_REAL = {
    *("test.stack", "test.version", "test.versions", "test.versions_report", "test.versions_information"),
    *("test.providers", "test.rand_str", "status.all_status", "status.procs", "status.pid"),
    *("cmd.script_retcode", "cmd.exec_code", "cmd.exec_code_all", "test.not_loaded"),
}
#: Second names, tried under the first.
ALIASES = {
    function.name
    for function in FUNCTIONS
    if function.name.partition(".")[2] != function.call.__name__.rstrip("_")
}


def examples(function: Function) -> list[str]:
    """Return the example command lines of a function's documentation."""
    _, _, lines = function.doc.partition("\nExample:\n")
    return [line.strip() for line in lines.splitlines() if line.strip()]


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_documented_with_an_example_that_binds(function: Function) -> None:
    summary = function.doc.splitlines()[0]
    assert summary.endswith((".", ":")), "the first line is a sentence"
    assert examples(function), "Example: and a command line, as one would type it"
    for line in examples(function):
        saltern, run, _, name, *words = shlex.split(line)
        assert (saltern, run) == ("saltern", "run")
        assert LIBRARY.function(name).call.__qualname__ == function.call.__qualname__
        bind(function, *parse(words))


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_every_argument_has_a_type_that_can_be_checked(function: Function) -> None:
    first, *_ = inspect.signature(function.call, eval_str=True).parameters.values()
    assert (first.name, first.annotation) == ("host", Host)
    for parameter in function.parameters:
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name
        assert isinstance(msgspec.json.schema(parameter.annotation), dict)


@pytest.mark.parametrize("function", FUNCTIONS, ids=NAMES)
def test_every_function_has_a_case(function: Function) -> None:
    folder = ROOT / "tests/library" / function.name.replace(".", "/")
    assert list(folder.glob("*.yaml")) or function.name in ONLY_FOR_REAL | ALIASES, f"none in {folder}"


def test_every_noun_says_what_it_is_about() -> None:
    modules = {function.module.__name__: function.module for function in FUNCTIONS}
    assert [name for name, module in modules.items() if not module.__doc__] == []


def test_the_reference_is_that_of_this_code() -> None:
    render = runpy.run_path(str(ROOT / "tools/reference.py"))["render"]
    written = (ROOT / "docs/reference/functions.md").read_text()
    assert written == render(), "run: python tools/reference.py"
