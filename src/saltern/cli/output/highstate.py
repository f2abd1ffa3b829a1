"""The results of a run of states, as Salt's users know them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from saltern.cli.output.printable import one_line, printable
from saltern.cli.output.style import Style
from saltern.cli.output.value import lines

Results = Mapping[str, Mapping[str, Any]]
Mode = Literal["full", "terse", "mixed", "changes", "filter", "summary"]
MODES: tuple[Mode, ...] = ("full", "terse", "mixed", "changes", "filter", "summary")

_WIDTH = 12  # of the names at the left
_RULE = "-" * 10


def is_highstate(data: Any) -> bool:
    """Tell whether a value is the result of a run of states."""
    return (
        isinstance(data, dict)
        and bool(data)
        and all(
            key.count("_|-") == 3 and isinstance(one, dict) and "result" in one for key, one in data.items()
        )
    )


def highstate(results: Results, name: str, style: Style, mode: Mode = "full") -> Iterator[str]:
    """Yield the results as lines.

    ``full`` shows every state, ``terse`` and ``mixed`` give a line to each that did not fail, ``changes``
    leaves out those that went well and changed nothing, ``filter`` those that went well, ``summary`` all of
    them. A state that has failed is shown in full in every mode.
    """
    yield f"{style.paint(one_line(name), 'cyan')}:"
    yield from states(results, style, mode)
    yield from summary(results, name, style)


def states(results: Results, style: Style, mode: Mode = "full") -> Iterator[str]:
    """Yield the states alone, in the order of the run. One that has failed is always shown in full."""
    for key, one in sorted(results.items(), key=lambda item: item[1].get("__run_num__", 0)):
        if one["result"] is False:
            yield from _block(key, one, style)
        elif mode in ("terse", "mixed"):
            yield _line(key, one, style)
        elif _is_shown(one, mode):
            yield from _block(key, one, style)


def of_plan(data: Mapping[str, Any]) -> Results:
    """Return what a plan (as ``state.plan`` returns it) foresees, in the shape of a run's results."""
    return {
        one["key"]: {
            "result": one["result"],
            "comment": one.get("comment", ""),
            "changes": one.get("changes") or {},
            "unknown": one.get("unknown", ""),
            "name": _part(one["key"], 2),
            "__id__": _part(one["key"], 1),
            "__run_num__": number,
        }
        for number, one in enumerate(data["planned"])
    }


def _part(key: str, number: int) -> str:
    parts = key.split("_|-", 3)
    return parts[number] if len(parts) > number else key


def is_plan(data: Any) -> bool:
    """Tell whether a value is what ``state.plan`` returns."""
    return isinstance(data, dict) and isinstance(data.get("planned"), list) and "fingerprint" in data


def _is_shown(one: Mapping[str, Any], mode: Mode) -> bool:
    if mode == "full":
        return True
    if mode == "changes":
        return one["result"] is None or bool(one.get("changes"))
    return mode == "filter" and one["result"] is None


def _colour(one: Mapping[str, Any]) -> str:
    if one["result"] is False:
        return "red"
    if one["result"] is None:
        return "yellow"
    return "cyan" if one.get("changes") else "green"


def _line(key: str, one: Mapping[str, Any], style: Style) -> str:
    """Return a state as a line: what it is about, what it is, how it ended, when and how long."""
    module, _, _, function = key.split("_|-", 3)
    word = {True: "Clean", False: "Failed", None: "Differs"}[one["result"]]
    word = "Changed" if word == "Clean" and one.get("changes") else word
    text = f"  Name: {one_line(str(one.get('name', '')))} - Function: {module}.{function} - Result: {word}"
    if one.get("start_time"):
        text += f" Started: - {one['start_time']} Duration: {one.get('duration', 0)} ms"
    return style.paint(text, _colour(one))


def _block(key: str, one: Mapping[str, Any], style: Style) -> Iterator[str]:
    module, id_, _, function = key.split("_|-", 3)
    colour = _colour(one)
    fields = [
        ("ID", one_line(str(one.get("__id__", id_)))),
        ("Function", f"{module}.{function}"),
        *([("Name", one_line(str(one["name"])))] if one.get("name") not in (None, one.get("__id__")) else []),
        ("Result", str(one["result"])),
        ("Comment", ""),
        *([("Started", str(one["start_time"]))] if one.get("start_time") else []),
        *([("Duration", f"{one['duration']} ms")] if "duration" in one else []),
    ]
    yield style.paint(_RULE, colour)
    for title, text in fields:
        if title == "Comment":
            yield from _comment(one, colour, style)
        else:
            yield style.paint(f"{title:>{_WIDTH}}: {text}", colour)
    yield from _changes(one.get("changes") or {}, colour, style)


def _comment(one: Mapping[str, Any], colour: str, style: Style) -> Iterator[str]:
    first, *rest = printable(str(one.get("comment") or "")).split("\n")
    yield style.paint(f"{'Comment':>{_WIDTH}}: {first}".rstrip(), colour)
    yield from (style.paint(f"{'':{_WIDTH}}  {line}".rstrip(), colour) for line in rest)
    if one.get("unknown"):
        yield style.paint(f"{'Unknown':>{_WIDTH}}: {one_line(str(one['unknown']))}", colour)
    for warning in one.get("warnings") or ():
        yield style.paint(f"{'Warning':>{_WIDTH}}: {one_line(str(warning))}", "yellow")


def _changes(changes: Any, colour: str, style: Style) -> Iterator[str]:
    yield style.paint(f"{'Changes':>{_WIDTH}}:", colour)
    if not changes:
        return
    yield f"{'':{_WIDTH}}  {_RULE}"
    for line in lines(changes):
        yield f"{'':{_WIDTH}}  {_diff_painted(line, style)}".rstrip()


def _diff_painted(line: str, style: Style) -> str:
    """Paint the lines of a diff."""
    text = line.lstrip(" ")
    if text.startswith(("+++", "---", "@@")):
        return style.paint(line, "dim")
    return style.paint(line, {"+": "green", "-": "red"}[text[0]]) if _is_diff_line(line) else line


def _is_diff_line(line: str) -> bool:
    """Tell a diff's line from a list's item: the value's own indent is before it, and no space after."""
    text = line.removeprefix("    ")
    return len(text) > 1 and text[0] in "+-" and line.startswith("    ") and not text.startswith("- ")


def summary(results: Results, name: str, style: Style) -> Iterator[str]:
    """Yield how many states went how, as lines."""
    ends = list(results.values())
    failed = sum(one["result"] is False for one in ends)
    would = sum(one["result"] is None for one in ends)
    changed = sum(bool(one.get("changes")) for one in ends)
    milliseconds = sum(float(one.get("duration") or 0) for one in ends)
    well = _counted(len(ends) - failed, [("unchanged", would), ("changed", changed)])
    title = f"Summary for {one_line(name)}"
    yield ""
    yield style.paint(title, "cyan")
    yield style.paint("-" * len(title), "cyan")
    yield style.paint(f"Succeeded: {well}", "green")
    yield style.paint(f"Failed:    {failed}", "red" if failed else "dim")
    yield style.paint("-" * len(title), "cyan")
    yield f"Total states run: {len(ends):>6}"
    if any("duration" in one for one in ends):
        yield f"Total run time: {_time(milliseconds)}"


def _counted(total: int, parts: Sequence[tuple[str, int]]) -> str:
    named = ", ".join(f"{word}={count}" for word, count in parts if count)
    return f"{total} ({named})" if named else str(total)


def _time(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f} s" if milliseconds >= 1000 else f"{milliseconds:.3f} ms"
