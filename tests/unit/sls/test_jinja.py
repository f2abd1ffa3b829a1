"""Jinja: its lines, its sandbox, the filters that look at the machine or never give the same."""

from __future__ import annotations

import re
from typing import Any

import pytest

from saltern.foundation.errors import NotFound
from saltern.sls.fault import SlsError
from saltern.sls.jinja.filters import FILTERS
from saltern.sls.options import Options
from saltern.sls.renderers import render, render_text
from saltern.sls.template import Template
from saltern.sls.world import World
from saltern.testing.host import FakeHost
from saltern.testing.sls import MemoryTree

#: Every filter that Salt 3008 adds to Jinja's.
SALTS = re.findall(
    r"\w+",
    """
    append_dict_key_value avg base64_decode base64_encode check_whitelist_blacklist combinations
    combinations_with_replacement compare_dicts compare_lists compress contains_whitespace date_format
    dict_to_sls_yaml_params difference dns_check exactly_n_true exactly_one_true extend_dict_key_value
    file_hashsum filter_by_networks flatten from_entries gen_mac get_uid hmac hmac_compute http_query
    human_to_bytes intersect ip_host ipaddr ipv4 ipv6 ipwrap is_bin_file is_empty is_hex is_ip is_ipv4
    is_ipv6 is_iter is_list is_text_file json json_decode_dict json_decode_list json_encode_dict
    json_encode_list json_query list_files load_json load_text load_yaml mac_str_to_bytes max md5
    method_call min mysql_to_dict network_hosts network_size path_join permutations product python quote
    rand_str random_hash random_sample random_shuffle random_str regex_escape regex_match regex_replace
    regex_search sequence set_dict_key_value sha1 sha256 sha512 skip sorted_ignorecase str_to_num
    strftime substring_in_list symmetric_difference to_bool to_bytes to_camelcase to_entries to_num
    to_snake_case tojson traverse union unique update_dict_key_value uuid which xml yaml yaml_dquote
    yaml_encode yaml_squote zip zip_longest
    """,
)


def template(text: str, *, host: Any = None, call: Any = None, **files: str) -> Template:
    def nothing(fun: str, *args: Any, **kwargs: Any) -> Any:
        raise NotFound(f"there is no function {fun!r}", hint="none at all")

    world = World(
        id="web1",
        call=call or nothing,
        knows=lambda name: name == "test.echo",
        grains={"os": "Debian"},
        pillar={"role": "web"},
        host=host,
    )
    tree = MemoryTree(
        {"base": {"p/a.sls": text, **{f"p/{name}": content for name, content in files.items()}}}
    )
    return Template(
        text=text, path="p/a.sls", shown="p/a.sls", saltenv="base", sls="p.a", world=world, tree=tree
    )


def shown(text: str, **more: Any) -> str:
    return render_text(template(f"#!jinja|text\n{text}", **more), Options())


def test_every_filter_of_salts_is_there() -> None:
    assert set(SALTS) <= set(FILTERS)


def test_each_line_knows_its_source() -> None:
    text = (
        "{% set x = 1 %}\n"  # 1
        "first: {{ x }}\n"  # 2
        "{%- for i in range(2) %}\n"  # 3
        "item{{ i }}:\n"  # 4
        "  - a\n"  # 5
        "{%- endfor %}\n"  # 6
        "{% macro m() %}\n"  # 7
        "one: 1\n"  # 8
        "two: 2\n"  # 9
        "{% endmacro %}\n"  # 10
        "{{ m() }}\n"  # 11
        "{#- a comment\n"  # 12
        "over two lines #}\n"  # 13
        "last: x"  # 14
    )
    made = render(template("#!jinja|yaml\n" + text), Options())
    lines = {key: made.work.source(line) - 1 for key, line in made.data.lines.items()}
    assert lines == {"first": 2, "item0": 4, "item1": 4, "one": 11, "two": 11, "last": 14}


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ salt.__init__ }}",
        "{{ salt._world }}",
        "{{ salt['test.echo'].__globals__ }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '{0.__class__}' | method_call('format', 1) }}",
        "{{ '' | attr('__class__') }}",
        "{{ range(10000000) }}",
    ],
)
def test_nothing_leaves_the_sandbox(text: str) -> None:
    with pytest.raises(SlsError):
        shown(text)


def test_a_method_out_of_reach_is_not_called() -> None:
    assert shown("{{ 'x' | method_call('__class__') }}") == "None"


def test_facts_are_data() -> None:
    made = template("#!jinja|text\n{{ x }}")
    with_fact = Template(
        **{f: getattr(made, f) for f in made.__struct_fields__} | {"context": {"x": "{{ 7 * 6 }}"}}
    )
    assert render_text(with_fact, Options()) == "{{ 7 * 6 }}"


def test_functions() -> None:
    def call(fun: str, *args: Any, **kwargs: Any) -> Any:
        return f"{fun}{args}{kwargs}"

    assert shown("{{ salt['a.b'](1, c=2) }}", call=call) == "a.b(1,){'c': 2}"
    assert shown("{{ salt.a.b() }} {{ __salt__['a']['b']() if false }}", call=call) == "a.b(){} "
    assert (
        shown("{{ 'test.echo' in salt }} {{ 'a.b' in salt }} {{ salt.get('a.b') }}", call=call)
        == "True False None"
    )


def test_a_refused_function_names_the_line_and_gives_its_hint() -> None:
    with pytest.raises(SlsError) as caught:
        shown("x\n{{ salt.a.b() }}")
    fault = caught.value.faults[0]
    assert (str(fault.where), fault.message, fault.hint) == (
        "p/a.sls:3",
        "there is no function 'a.b'",
        "none at all",
    )


def test_relative_imports_are_relative_to_the_importing_file() -> None:
    files = {
        "lib/one.jinja": "{% from './two.jinja' import x %}{% set y = x ~ tpldir %}",
        "lib/two.jinja": "{% set x = 2 %}",
    }
    assert shown("{% from './lib/one.jinja' import y %}{{ y }}", **files) == "2p/lib"


def test_each_rendering_has_its_own_modules() -> None:
    files = {"lib.jinja": "{% set shared = [] %}"}
    text = "{% import './lib.jinja' as lib %}{% do lib.shared.append(1) %}{{ lib.shared | length }}"
    assert [shown(text, **files), shown(text, **files)] == ["1", "1"]


def test_what_is_random_is_so_each_time() -> None:
    for text in (
        "{{ 32 | random_str }}",
        "{{ 'AC:DE:48' | gen_mac }}",
        "{{ range(1000) | list | random_sample(9) }}",
    ):
        assert shown(text) != shown(text)
    seeded = "{{ [1, 2, 3, 4, 5, 6] | random_shuffle(seed='x') }}"
    assert shown(seeded) == shown(seeded)
    assert re.fullmatch(r"[0-9a-f]{64}", shown("{{ 5 | random_hash('sha256') }}"))


def test_moments() -> None:
    assert shown("{{ '2002-12-25T10:30' | strftime('%d.%m.%Y %H') }}") == "25.12.2002 10"
    assert shown("{{ 1040814000 | date_format('%Y') }}") == "2002"
    assert re.fullmatch(r"\d{4}", shown("{{ none | strftime('%Y') }}"))
    with pytest.raises(SlsError, match="'soon' is not a moment"):
        shown("{{ 'soon' | strftime }}")


def test_filters_that_look_at_the_machine() -> None:
    host = FakeHost(files={"/d/a": "text", "/d/e": "", "/d/s/b": {"content": b"\0\1"}}, programs={"true": ""})
    looks = "{{ '/d/e' | is_empty }} {{ '/d/a' | is_text_file }} {{ '/d/s/b' | is_bin_file }}"
    assert shown(looks, host=host) == "True True True"
    assert shown("{{ '/x' | is_bin_file }} {{ '/x' | is_text_file }}", host=host) == "False False"
    assert shown("{{ '/d' | list_files | sort }}", host=host) == "['/d', '/d/a', '/d/e', '/d/s', '/d/s/b']"
    assert shown("{{ '/d/a' | file_hashsum('md5') }}", host=host) == "1cb251ec0d568de6a929b520c4aed8d1"
    assert shown("{{ 'root' | get_uid }}", host=host) == "0"
    assert shown("{{ 'nothing-like-it' | which }}", host=host) == "None"
    with pytest.raises(SlsError, match="there is none here"):
        shown("{{ '/d/e' | is_empty }}")


def test_ifelse() -> None:
    assert shown("{{ ifelse('db*', 1, 'G@os:Debian and web*', 2, 3) }}") == "2"
    assert shown("{{ ifelse('db*', 1, false, 2, 3) }}") == "3"
    assert shown("{{ ifelse('role:web', 1, 0, tgt_type='pillar') }}") == "1"
    with pytest.raises(SlsError, match="a default at the end"):
        shown("{{ ifelse('*', 1) }}")


def test_context_is_shown_as_data() -> None:
    assert "'role': 'web'" in shown("{{ show_full_context() }}")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("x\n{{ 1 / 0 }}", "ZeroDivisionError: division by zero", 3),
        ("x\n{% load_yaml as y %}\na: [\n{% endload %}", "this YAML can't be read", 3),
        ("x\n\n{{ 'x' | nothing }}", "No filter named 'nothing'", 4),
        ("{% import_json './j' as j %}", "this JSON can't be read", 2),
        ("{{ raise('not here') }}", "not here", 2),
        ("{{ x | yaml }}", "the variable 'x' is not defined", 2),
        ("{{ {'a': [x]} | json }}", "the variable 'x' is not defined", 2),
        ("{{ {} | update_dict_key_value('a', 5) }}", "has no update with 5", 2),
        ("{{ [1] | xml }}", "AttributeError|only a mapping|None", 2),
    ],
)
def test_faults_name_the_line(text: str, message: str, line: int) -> None:
    with pytest.raises(SlsError, match=message) as caught:
        shown(text, j="{")
    assert caught.value.faults[0].where.line == line


def test_circular_lists_end() -> None:
    with pytest.raises(SlsError, match="the list holds itself"):
        shown("{% set x = [1] %}{% do x.append(x) %}{{ x | flatten }}")
