"""What must hold of every edit of an ini file, whatever stands in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from saltern.library.ini.document import Document

LINES = st.sampled_from(
    ["", "# c", "; d", "a = 1", "b=2", "  more", "[s]", "[t]", "[s] ; x", "c", " e = 5", "[u"]
)
TEXTS = st.lists(LINES, max_size=12).map(lambda lines: "".join(f"{line}\n" for line in lines))
NAMES, SECTIONS = st.sampled_from(["a", "b", "z"]), st.sampled_from(["", "s", "t", "new"])


def others(document: Document, but: str) -> dict[str, dict[str, str]]:
    return {name: document.options(name) for name in ["", *document.sections()] if name != but}


@given(TEXTS)
def test_what_is_not_touched_stays(text: str) -> None:
    assert Document(text).text == text


@given(TEXTS, SECTIONS, NAMES)
def test_an_option_set_is_set_and_nothing_else_changes(text: str, section: str, name: str) -> None:
    document = Document(text)
    before, elsewhere = document.options(section), others(document, section)
    document.set_option(section, name, "x y")
    again = Document(document.text)
    assert again.options(section) == {**before, name: "x y"}
    assert others(again, section) == elsewhere
    remarks = [line for line in text.splitlines() if line.startswith(("#", ";"))]
    assert [line for line in document.text.splitlines() if line.startswith(("#", ";"))] == remarks


@given(TEXTS, SECTIONS, NAMES)
def test_an_option_removed_is_gone_and_nothing_else(text: str, section: str, name: str) -> None:
    document = Document(text)
    left, elsewhere = document.options(section), others(document, section)
    left.pop(name, None)
    document.remove_option(section, name)
    again = Document(document.text)
    assert name not in again.options(section)
    assert others(again, section) == elsewhere
