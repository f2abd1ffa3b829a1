"""A crontab's text: what is read is what was written, and people's lines stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from saltern.library.cron.tab import MARKER, Entry, Tab, entry, parse, variable
from saltern.sdk import BadArgument

KEPT_BY_SALT = f"""# mine
0 1 * * * /bin/own
{MARKER}
MAILTO=a@b
# SALT_CRON_IDENTIFIER:date > /tmp/x
8 2 * * * date > /tmp/x
# first
# two words SALT_CRON_IDENTIFIER:ID
#DISABLED#*/6 * * * 1-5 run  other
# b SALT_CRON_IDENTIFIER:boot
@reboot boot
"""

words = some.text(some.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)
commands = some.lists(words, min_size=1, max_size=4).map(" ".join)
fields = some.sampled_from(["*", "0", "*/5", "1-5", "1,2"])
entries = some.builds(
    Entry,
    command=commands,
    when=some.tuples(*[fields] * 5),
    identifier=commands.filter(lambda text: "SALT_CRON" not in text),
    comment=some.lists(words.filter(lambda text: "SALT" not in text and "#" not in text), max_size=2).map(
        "\n".join
    ),
    commented=some.booleans(),
)


def test_what_salt_wrote_is_read() -> None:
    tab = parse(KEPT_BY_SALT)
    assert tab.own == ("# mine", "0 1 * * * /bin/own")
    assert tab.variables == (("MAILTO", "a@b"),)
    assert tab.entries == (
        Entry(command="date > /tmp/x", when=("8", "2", "*", "*", "*"), identifier="date > /tmp/x"),
        Entry(
            command="run  other",
            when=("*/6", "*", "*", "*", "1-5"),
            identifier="ID",
            comment="first\ntwo words",
            commented=True,
        ),
        Entry(command="boot", special="@reboot", identifier="boot", comment="b"),
    )
    assert tab.text() == KEPT_BY_SALT


@pytest.mark.parametrize(
    "text", ["", "# only mine\n1 1 * * * x\n", f"{MARKER}\n", "A=b\n@daily x\n", "\n\n# x\n"]
)
def test_what_is_not_ours_stays(text: str) -> None:
    assert parse(text).text() == text


@given(some.lists(entries, max_size=4))
def test_what_is_written_is_read(made: list[Entry]) -> None:
    tab = Tab(own=("# mine",), marked=True, variables=(("A", "b c"),), entries=tuple(made))
    assert parse(tab.text()) == tab


def test_an_identifier_goes_before_a_command() -> None:
    by_command = Entry(command="x", identifier="x")
    by_identifier = Entry(command="y", identifier="a")
    tab = Tab(entries=(by_command, by_identifier))
    assert tab.find("x", "a") == by_identifier
    assert tab.find("x", "x") == by_command
    assert tab.find("x", "other") == by_command  # it never had an identifier of its own
    assert tab.find("y", "other") is None


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"command": "x\n* * * * * root"}, "line's end"),
        ({"command": " "}, "empty"),
        ({"when": ("* *", "*", "*", "*", "*")}, "minute"),
        ({"when": ("", "*", "*", "*", "*")}, "minute"),
        ({"special": "@reboot x"}, "special"),
        ({"identifier": "a\nb"}, "identifier"),
    ],
)
def test_nothing_becomes_another_line(wanted: dict[str, str], message: str) -> None:
    given: dict[str, object] = {"command": "x", "when": ("*",) * 5, **wanted}
    with pytest.raises(BadArgument, match=message):
        entry(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "value"), [("A B", ""), ("", "x"), ("A", "x\ny"), ("1", "")])
def test_no_such_variable(name: str, value: str) -> None:
    with pytest.raises(BadArgument):
        variable(name, value)
