"""Renderers, one by one and one after another."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from saltern.sls.fault import SlsError
from saltern.sls.options import Options
from saltern.sls.renderers import RENDERERS, Renderers, render, render_text
from saltern.sls.renderers.pipeline import Part, pipeline
from saltern.sls.template import Template, Work
from saltern.sls.world import World
from saltern.testing.host import FakeHost
from saltern.testing.sls import MemoryTree


def template(text: str, *, host: Any = None, **more: Any) -> Template:
    files: Mapping[str, str] = {"a.sls": text, **more.pop("files", {})}
    world = World(id="x", call=lambda *args, **kwargs: args, host=host, opts=more.pop("opts", {}))
    return Template(
        text=text,
        path="a.sls",
        shown="a.sls",
        saltenv="base",
        sls="a",
        world=world,
        tree=MemoryTree({"base": files}),
        **more,
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a: 1", [("jinja", ""), ("yaml", "")]),
        ("#!yaml\na: 1", [("yaml", "")]),
        ("#! mako | yaml \na: 1", [("mako", ""), ("yaml", "")]),
        ("#!jinja -s|gpg|yaml", [("jinja", "-s"), ("gpg", ""), ("yaml", "")]),
        ("#!/bin/sh\n", [("jinja", ""), ("yaml", "")]),
        ("#!py\r\ndef run(): pass", [("py", "")]),
    ],
)
def test_the_first_line_chooses(text: str, parts: list[tuple[str, str]]) -> None:
    assert pipeline(text, "jinja|yaml") == [Part(*part) for part in parts]


def test_text_stays_text() -> None:
    assert render_text(template("#!text\none\ntwo\n"), Options()) == "one\ntwo\n"
    assert render_text(template("#!jinja|text\n{{ 1 + 1 }}\n"), Options()) == "2\n"


def test_text_is_wanted_and_data_comes() -> None:
    with pytest.raises(SlsError, match="text is wanted here"):
        render_text(template("a: 1"), Options())


def test_context_wins_over_everything() -> None:
    made = render(template("a: {{ grains }}\nb: {{ mine }}\n", context={"grains": 1, "mine": 2}), Options())
    assert made.data == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "text", ["", "\n", "a", "a: {b: 1}\n", "a\n\n\n", "#!x\n{ { } }", "{\n{", "a \u2028 b\f"]
)
def test_text_without_jinja_is_what_jinja_would_make_of_it(text: str) -> None:
    work = Work(text, lambda line: line + 7)
    short = RENDERERS.get("jinja")(work, template(text), "")
    long = RENDERERS.get("jinja")(work, template(text, opts={"jinja_trim_blocks": True}), "")
    assert (short.content, short.source(1)) == (long.content, 8)


def test_text_without_jinja_does_not_import_it() -> None:
    code = """
import sys
from saltern.sls.compile import compile_sls
from saltern.sls.world import World
from saltern.testing.sls import MemoryTree
tree = MemoryTree({"base": {"a.sls": "x: {test.nop: []}"}})
assert compile_sls(World(id="x", call=print), tree, ["a"]).chunks
assert "jinja2" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_mako() -> None:
    loop = "% for i in range(2):\nx${i}: ${grains.get('os', 'none')}\n% endfor\n"
    text = f"#!mako|yaml\n<%include file='part.mako'/>\n{loop}"
    made = render(template(text, files={"part.mako": "y: 1"}), Options())
    assert made.data == {"y": 1, "x0": "none", "x1": "none"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#!mako|yaml\na: ${nothing}\n", "a.sls:2: NameError: 'nothing' is not defined"),
        ("#!mako|yaml\n<%include file='../x'/>\n", "leaves|there is no file"),
        ("#!mako|yaml\n% for x in y:\n", "a.sls:2"),
        ("#!toml\na = \n", "a.sls:2"),
        ("#!json\n{\n'a'}\n", "a.sls:3"),
        ("#!py\ndef run(:\n", "a.sls:2:9"),
        ("#!py\nx = 1\n", r"needs a function run\(\)"),
        ("#!py\ndef f(): raise ValueError('no')\ndef run():\n  return f()\n", "a.sls:2: ValueError: no"),
        ("#!gpg|yaml\na: 1\n", "needs a machine with gpg"),
        ("#!jinja -x|yaml\na: 1\n", "has no option '-x'"),
        ('#!jinja|yaml\n#jinja2: {"nothing": 1}\na: 1\n', "Jinja has no option 'nothing'"),
        ("#!jinja|yaml\n#jinja2: {\na: 1\n", "a.sls:2: the options of Jinja are not JSON"),
    ],
)
def test_faults_name_the_line(text: str, message: str) -> None:
    with pytest.raises(SlsError, match=message):
        render(template(text), Options())


@pytest.mark.parametrize(
    "text",
    [
        "#!json\n" + "[" * 101 + "]" * 101,
        "#!json\n" + "[" * 100_000 + "]" * 100_000,
        "#!py\ndef run():\n  data = {}\n  data['x'] = data\n  return data\n",
    ],
)
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(SlsError, match="nested"):
        render(template(text), Options())


def test_a_secret_that_passes_through_jinja_is_not_quoted() -> None:
    with pytest.raises(SlsError) as caught:
        render(
            template(f"#!gpg|jinja|yaml\n{MESSAGE}\n", host=decrypting(stdout="hunter2 {{ x }}")), Options()
        )
    assert "the variable 'x' is not defined" in str(caught.value)
    assert "hunter2" not in str(caught.value)


MESSAGE = "-----BEGIN PGP MESSAGE-----\n\nabc=\n-----END PGP MESSAGE-----"


def decrypting(**result: Any) -> FakeHost:
    command = "gpg --homedir /etc/saltern/gpgkeys --batch --no-tty --quiet --status-fd 2 --decrypt"
    return FakeHost(programs={command: result})


@pytest.mark.parametrize(
    "text",
    [
        "#!yaml|gpg\na:\n  b: |\n    " + MESSAGE.replace("\n", "\n    ") + "\n",
        '#!yaml|gpg\na: {b: "' + MESSAGE.replace("\n", "\\n") + '"}\n',
        "#!gpg|yaml\na:\n  b: " + MESSAGE + "\n",
    ],
)
def test_gpg(text: str) -> None:
    made = render(template(text, host=decrypting(stdout="secret word")), Options())
    assert made.data == {"a": {"b": "secret word"}}


def test_gpg_that_can_not_decrypt() -> None:
    with pytest.raises(SlsError, match="can't be decrypted: gpg: no secret key"):
        render(
            template(f"#!gpg|yaml\na: {MESSAGE}\n", host=decrypting(retcode=2, stderr="gpg: no secret key")),
            Options(),
        )


def test_what_was_decrypted_is_not_quoted() -> None:
    text = f"#!gpg|yaml\na: b\n{MESSAGE}\n"
    with pytest.raises(SlsError) as caught:
        render(template(text, host=decrypting(stdout="hunter2: [")), Options())
    assert "hunter2" not in str(caught.value)


def test_plugins_enter_and_can_not_replace_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        def __init__(self, name: str) -> None:
            self.name, self.value = name, f"{__name__}:shout"

    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or type(sys)(__name__))
    monkeypatch.setattr(sys.modules[__name__], "shout", shout, raising=False)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point("shout"), Point("yaml")])
    renderers = Renderers({"yaml": "saltern.sls.renderers.data:render_yaml"}, "saltern.renderers")
    made = render(template("#!shout|yaml\na: b\n"), Options(), renderers=renderers)
    assert made.data == {"A": "B"}


def shout(work: Work, template: Template, argument: str) -> Work:
    return Work(work.content.upper().replace("#!", "#"), work.source)


def test_every_renderer_of_ours_is_there() -> None:
    assert {"jinja", "yaml", "json", "py", "mako", "gpg", "age", "toml", "text"} <= set(RENDERERS.names())
    for name in RENDERERS.names():
        assert callable(RENDERERS.get(name))


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    heavy = ("jinja2", "yaml", "mako", "difflib", "saltern.targeting")
    code = f"import sys, saltern.sls.compile; print([one for one in {heavy} if one in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path("/")
    )
    assert done.stdout.strip() == "[]"
