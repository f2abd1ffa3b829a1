"""What ``salt.utils`` offers modules: each case's result is that of Salt 3008."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from typing import Any

import pytest

CASES: list[tuple[str, list[Any], Any]] = [
    (
        "data.compare_dicts",
        [{"a": 1, "b": 2}, {"b": 3, "c": 4}],
        {"c": {"old": "", "new": 4}, "a": {"new": "", "old": 1}, "b": {"old": 2, "new": 3}},
    ),
    ("data.compare_lists", [[1, 2], [2, 3]], {"new": [3], "old": [1]}),
    ("data.traverse_dict", [{"a": {"b": 1}}, "a:b"], 1),
    ("data.traverse_dict", [{"a": {"b": 1}}, "a:x", "no"], "no"),
    ("data.traverse_dict_and_list", [{"a": [{"b": 1}, {"c": 2}]}, "a:1:c"], 2),
    ("data.traverse_dict_and_list", [{"a": [{"b": 1}, {"c": 2}]}, "a:c"], 2),
    ("data.traverse_dict_and_list", [{"a": {1: "one"}}, "a:1"], "one"),
    ("data.traverse_dict_and_list", [{"a": [1]}, "a:7", "no"], "no"),
    ("data.subdict_match", [{"a": {"b": "value"}}, "a:b:val*"], True),
    ("data.subdict_match", [{"a": ["x", "y"]}, "a:y"], True),
    ("data.subdict_match", [{"a": "x"}, "a:z"], False),
    ("data.is_true", ["true"], True),
    ("data.is_true", ["yes"], False),
    ("data.is_true", ["2"], True),
    ("data.is_true", [0], False),
    ("data.is_true", [None], False),
    ("data.is_true", ["True"], True),
    ("data.is_dictlist", [[{"a": 1}, {"b": 2}]], True),
    ("data.is_dictlist", [[{"a": 1, "b": 2}]], False),
    ("data.is_dictlist", [[]], True),
    ("data.is_dictlist", ["x"], False),
    ("data.repack_dictlist", [[{"a": 1}, "b", {"c": [{"d": 2}]}]], {"a": 1, "b": None, "c": [{"d": 2}]}),
    ("data.repack_dictlist", [[{"a": 1}, {"c": [{"d": 2}]}], False, True], {"a": 1, "c": {"d": 2}}),
    ("data.repack_dictlist", [[{"a": 1, "b": 2}], True], {}),
    ("data.filter_by", [{"Debian": {"p": 1}, "default": {"p": 2}}, "os", {"os": "Debian"}], {"p": 1}),
    ("data.filter_by", [{"Debian": {"p": 1}, "default": {"p": 2}}, "os", {"os": "Arch"}], {"p": 2}),
    ("data.filter_by", [{"Debian": {"p": 1}}, "os", {"os": "Debian"}, {"q": 3}], {"p": 1, "q": 3}),
    ("data.flatten", [[1, [2, [3, None]]]], [1, 2, 3]),
    ("data.flatten", [[1, [2, [3, None]]], 1], [1, 2, [3, None]]),
    ("data.flatten", [[1, [2, [3, None]]], None, True], [1, 2, 3, None]),
    ("data.decode", [{b"a": [b"x", 1]}], {"a": ["x", 1]}),
    ("data.encode", [{"a": ["x", 1]}], {b"a": [b"x", 1]}),
    ("data.stringify", [[1, "a"]], ["1", "a"]),
    ("data.sorted_ignorecase", [["b", "A", "c"]], ["A", "b", "c"]),
    ("data.filter_falsey", [{"a": 0, "b": 1, "c": []}], {"b": 1}),
    ("data.filter_falsey", [{"a": {"x": None, "y": 1}}, 1], {"a": {"y": 1}}),
    ("data.filter_falsey", [[0, 1, None]], [1]),
    (
        "dictupdate.update",
        [{"a": {"b": 1}, "l": [1]}, {"a": {"c": 2}, "l": [2]}],
        {"a": {"b": 1, "c": 2}, "l": [2]},
    ),
    ("dictupdate.update", [{"l": [1, 2]}, {"l": [2, 3]}, True, True], {"l": [1, 2, 3]}),
    ("dictupdate.update", [{"a": {"b": 1}}, {"a": {"c": 2}}, False], {"a": {"c": 2}}),
    ("dictupdate.merge", [{"a": 1}, {"b": 2}], {"a": 1, "b": 2}),
    ("dictupdate.merge", [{"a": {"b": 1}}, {"a": {"c": 2}}, "overwrite"], {"a": {"c": 2}}),
    ("dictupdate.merge", [{"a": 1}, {"a": 2}, "list"], {"a": [1, 2]}),
    ("dictupdate.merge", [{"a": 1}, {"a": 2}, "none"], {"a": 2}),
    ("dictupdate.merge_recurse", [{"a": {"b": 1}}, {"a": {"c": 2}}], {"a": {"b": 1, "c": 2}}),
    ("dictupdate.set_dict_key_value", [{}, "a:b:c", 1], {"a": {"b": {"c": 1}}}),
    (
        "dictdiffer.deep_diff",
        [{"a": 1, "b": {"c": 1, "d": 2}}, {"a": 1, "b": {"c": 2, "d": 2}, "e": 3}],
        {"old": {"b": {"c": 1}}, "new": {"b": {"c": 2}, "e": 3}},
    ),
    ("dictdiffer.deep_diff", [{"a": 1}, {"a": 1}], {}),
    ("dictdiffer.deep_diff", [{"a": 1}, {"a": 2}, ["a"]], {}),
    ("stringutils.to_num", ["7"], 7),
    ("stringutils.to_num", ["7.5"], 7.5),
    ("stringutils.to_num", ["x"], "x"),
    ("stringutils.to_bytes", ["x"], b"x"),
    ("stringutils.to_str", [b"x"], "x"),
    ("stringutils.is_quoted", ["'a'"], "'"),
    ("stringutils.is_quoted", ["a"], ""),
    ("stringutils.dequote", ['"a"'], "a"),
    ("stringutils.is_hex", ["ff"], True),
    ("stringutils.is_hex", ["xx"], False),
    ("stringutils.to_none", [" None "], " None "),
    ("stringutils.to_none", ["a"], "a"),
    ("stringutils.expr_match", ["web1", "web*"], True),
    ("stringutils.expr_match", ["web1", "web\\d"], True),
    ("stringutils.expr_match", ["web1", "db"], False),
    ("stringutils.check_whitelist_blacklist", ["a", ["a"], []], True),
    ("stringutils.check_whitelist_blacklist", ["a", ["b"], None], False),
    ("stringutils.check_whitelist_blacklist", ["a", None, ["a*"]], False),
    ("stringutils.contains_whitespace", ["a b"], True),
    ("args.shlex_split", ["a 'b c'"], ["a", "b c"]),
    ("args.split_input", ["a, b"], ["a", "b"]),
    ("args.yamlify_arg", ["[a, 1]"], ["a", 1]),
    ("args.yamlify_arg", ["True"], True),
    ("args.yamlify_arg", ["# x"], "# x"),
    ("args.yamlify_arg", ["word"], "word"),
    ("path.join", ["/a", "/b", "c"], "/a/b/c"),
    ("path.join", ["a", "../b"], "b"),
    ("files.normalize_mode", ["0644"], "0644"),
    ("files.normalize_mode", [644], "0644"),
    ("files.normalize_mode", ["0o755"], "0755"),
    ("files.normalize_mode", [None], None),
    ("files.human_size_to_bytes", ["5M"], 5242880),
    ("files.human_size_to_bytes", ["12"], 12),
    ("files.safe_filename_leaf", ["a:b"], "a%3Ab"),
    ("hashutils.sha256_digest", ["x"], "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
    ("hashutils.md5_digest", ["x"], "9dd4e461268c8034f5c8564e155c67a6"),
    ("hashutils.base64_b64encode", ["x"], "eA=="),
    ("hashutils.base64_b64decode", ["eA=="], "x"),
    ("versions.compare", ["1.10", ">", "1.9"], True),
    ("versions.compare", ["1.0", "==", "1.0"], True),
    ("versions.compare", ["1.0a", "<", "1.0"], False),
    ("versions.version_cmp", ["1:2.0", "1.0"], 1),
    ("url.parse", ["salt://a/b?saltenv=dev"], ("a/b", "dev")),
    ("url.create", ["a/b", "dev"], "salt://a/b?saltenv=dev"),
    ("url.strip_proto", ["http://x/y"], "x/y"),
    ("url.redact_http_basic_auth", ["https://u:p@h/x"], "https://<redacted>@h/x"),
    ("url.add_http_basic_auth", ["https://h/x", "u", "p"], "https://u:p@h/x"),
    ("network.is_ip", ["1.2.3.4"], True),
    ("network.is_ipv6", ["::1"], True),
    ("network.in_subnet", ["10.0.0.0/8", "10.1.2.3"], True),
    ("network.cidr_to_ipv4_netmask", [24], "255.255.255.0"),
    ("network.get_net_start", ["10.1.2.3", "255.255.0.0"], "10.1.0.0"),
    ("network.get_net_size", ["255.255.255.0"], 24),
    ("network.mac2eui64", ["00:16:3e:01:02:03"], "0216:3eff:fe01:0203"),
    ("validate.net.mac", ["00:16:3e:01:02:03"], True),
    ("validate.net.mac", ["x"], False),
    ("validate.net.netmask", ["255.255.0.0"], True),
    ("validate.net.netmask", ["255.0.255.0"], False),
    ("json.dumps", [{"ä": 1}], '{"ä": 1}'),
    ("json.loads", ["[1]"], [1]),
    ("json.find_json", ['x\n{"a": 1}\n'], {"a": 1}),
    ("yaml.safe_dump", [{"b": 1, "a": [1]}], "a: [1]\nb: 1\n"),
    ("locales.normalize_locale", ["en_US.UTF-8"], "en_US.utf8"),
    (
        "locales.split_locale",
        ["de_DE.UTF-8@euro"],
        {"charmap": "", "modifier": "euro", "codeset": "UTF-8", "language": "de", "territory": "DE"},
    ),
]
UTILS = "saltern.engine.legacy.compat.utils"


@pytest.mark.parametrize(("name", "args", "expected"), CASES)
def test_it_returns_what_salts_does(name: str, args: list[Any], expected: Any) -> None:
    module, _, function = name.rpartition(".")
    found = getattr(importlib.import_module(f"{UTILS}.{module}"), function)(*copy.deepcopy(args))
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("size", ["1.5G", "x", ""])
def test_a_size_that_is_none(size: str) -> None:
    from saltern.engine.legacy.compat.utils import files

    with pytest.raises(ValueError, match="a size is digits"):
        files.human_size_to_bytes(size)


def test_files_are_replaced_whole_and_keep_their_mode(tmp_path: Path) -> None:
    from saltern.engine.legacy.compat.utils import atomicfile, files

    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o640)
    with pytest.raises(RuntimeError), atomicfile.atomic_open(str(path)) as half:
        half.write("half")
        raise RuntimeError
    assert path.read_text() == "old"
    with atomicfile.atomic_open(str(path)) as whole:
        whole.write("new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)
    (tmp_path / "source").write_text("copied")
    files.copyfile(str(tmp_path / "source"), str(path))
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("copied", 0o640)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["source", "x"]


def test_what_is_missing_is_named() -> None:
    compat: Any = importlib.import_module("saltern.engine.legacy.compat")
    with pytest.raises(AttributeError, match=r"^salt\.utils\.nonsense is not provided"):
        _ = compat.utils.nonsense
    with pytest.raises(AttributeError, match=r"^salt\.nonsense is not provided"):
        _ = compat.nonsense
