"""Files that people write too: what is read is what was written, and other lines stay as they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from saltern.library import _hostsfile
from saltern.library.mount import lines
from saltern.library.mount.options import split

WORD = some.text(
    some.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("Cc", "Zs", "Cs")), min_size=1
)
PATH = some.text(some.sampled_from("ab /\\\t#=é"), min_size=1).map(lambda text: f"/{text}")
ENTRY = some.builds(
    lines.Entry,
    device=PATH,
    directory=PATH,
    kind=some.sampled_from(["ext4", "tmpfs"]),
    options=some.sampled_from(["defaults", "ro,noatime"]),
    dump=some.sampled_from(["0", "1"]),
    number=some.sampled_from(["0", "2"]),
)
OTHERS = some.lists(some.sampled_from(["# a comment", "", "/dev/sda1   /  ext4", "broken", "LABEL=x /x xfs"]))


@given(ENTRY)
def test_an_entry_is_read_as_it_was_written(entry: lines.Entry) -> None:
    assert lines.parsed(lines.written(entry)) == entry


@given(ENTRY, OTHERS)
def test_putting_an_entry_keeps_the_other_lines_and_is_done_once(
    entry: lines.Entry, others: list[str]
) -> None:
    text = "".join(f"{line}\n" for line in others)
    how, after = lines.put(text, entry, ["directory"])
    assert how in ("new", "change", "present")
    assert lines.put(after, entry, ["directory"]) == ("present", after)
    mine = [line for line in others if (one := lines.parsed(line)) and one.directory == entry.directory]
    assert [line for line in others if line not in mine] == [
        line for line in after.splitlines() if line in others and line not in mine
    ]


@given(ENTRY, OTHERS)
def test_an_entry_that_is_taken_out_is_gone(entry: lines.Entry, others: list[str]) -> None:
    _, after = lines.put("".join(f"{line}\n" for line in others), entry, ["device", "directory"])
    left = lines.without(after, entry.directory, [entry.device])
    assert entry not in [lines.parsed(line) for line in left.splitlines()]


@given(some.lists(WORD.filter(lambda word: "," not in word and '"' not in word)))
def test_options_in_a_text_are_those_in_a_list(options: list[str]) -> None:
    assert split(",".join(options)) == split(options)


def test_a_comma_in_quotes_is_no_end_of_an_option() -> None:
    assert split('ro,context="a:b:c0,c1",noexec') == ["ro", 'context="a:b:c0,c1"', "noexec"]


@given(
    some.lists(some.tuples(some.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1"]), some.sampled_from("abc"))),
    some.sampled_from(["10.0.0.1", "10.0.0.3"]),
    some.sampled_from("abcd"),
)
def test_a_name_given_to_an_address_is_there_once_and_can_be_taken(
    pairs: list[tuple[str, str]], ip: str, name: str
) -> None:
    before = [_hostsfile.Line("# top"), *(_hostsfile.made(address, (one,)) for address, one in pairs)]
    there = _hostsfile.with_pair(before, ip, name)
    assert _hostsfile.names_of(there, ip).count(name) == 1
    assert _hostsfile.with_pair(there, ip, name) == there
    gone = _hostsfile.without_pair(there, ip, name)
    assert name not in _hostsfile.names_of(gone, ip)
    assert [line for line in gone if line.ip != ip] == [line for line in before if line.ip != ip]
