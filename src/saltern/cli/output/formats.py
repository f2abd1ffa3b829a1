"""The built-in outputters: a JSON value and how it is to look; lines without their ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from saltern.cli.output.form import Format
from saltern.cli.output.printable import one_line, printable
from saltern.cli.output.table import table

_RULE = "----------"
#: What is nested deeper than this is shown as JSON, on one line.
_DEEPEST = 60


def nested_lines(value: Any, chosen: Format) -> Iterator[str]:
    """As Salt shows things: each level four further in, a rule before the keys of a mapping."""
    return _nested(value, chosen, max(0, chosen.indent or 0), 0)


def _nested(value: Any, chosen: Format, indent: int, depth: int) -> Iterator[str]:
    margin = " " * indent
    if depth > _DEEPEST:
        yield margin + one_line(json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict):
        if indent:
            yield margin + chosen.style.paint(_RULE, "cyan")
        for key, item in value.items():
            yield margin + chosen.style.paint(f"{one_line(str(key))}:", "cyan")
            yield from _nested(item, chosen, indent + 4, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _nested_item(item, chosen, indent, depth)
    else:
        for line in _text(value):
            yield margin + chosen.style.paint(line, _colour(value))


def _nested_item(item: Any, chosen: Format, indent: int, depth: int) -> Iterator[str]:
    margin, dash = " " * indent, chosen.style.paint("-", "cyan")
    if isinstance(item, dict | list):
        yield f"{margin}{dash} {_RULE if isinstance(item, dict) else '|_'}"
        inner = _nested(item, chosen, indent + 2, depth + 1)
        if isinstance(item, dict):
            next(inner, None)  # its rule stands beside the dash
        yield from inner
        return
    first, *rest = _text(item)
    yield f"{margin}{dash} {chosen.style.paint(first, _colour(item))}"
    yield from (f"{margin}  {chosen.style.paint(line, _colour(item))}" for line in rest)


def _text(value: Any) -> list[str]:
    if isinstance(value, str):
        return printable(value).removesuffix("\n").split("\n")
    return [str(value)]


def _colour(value: Any) -> str:
    return "green" if isinstance(value, str) else "yellow"


def json_lines(value: Any, chosen: Format) -> Iterator[str]:
    """JSON, four spaces in; with an indent below 0 on one line."""
    indent = 4 if chosen.indent is None else chosen.indent
    yield json.dumps(value, ensure_ascii=False, indent=indent if indent >= 0 else None)


def yaml_lines(value: Any, chosen: Format) -> Iterator[str]:
    """YAML, in the order of the value."""
    import yaml

    text = yaml.safe_dump(
        value, default_flow_style=False, allow_unicode=True, sort_keys=False, indent=chosen.indent or 2
    )
    yield text.removesuffix("\n").removesuffix("\n...")


def raw_lines(value: Any, chosen: Format) -> Iterator[str]:
    """As Python writes it, on one line."""
    yield repr(value)


def pprint_lines(value: Any, chosen: Format) -> Iterator[str]:
    """As Python writes it, broken into lines."""
    from pprint import pformat

    yield pformat(value, indent=max(1, chosen.indent or 1), sort_dicts=False)


def txt_lines(value: Any, chosen: Format) -> Iterator[str]:
    """``name: line`` for each line of what each name has."""
    if not isinstance(value, dict):
        yield from _text(value)
        return
    for name, item in value.items():
        text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
        yield from (f"{one_line(str(name))}: {line}" for line in _text(text))


def quiet_lines(value: Any, chosen: Format) -> Iterator[str]:
    """Nothing."""
    return iter(())


def newline_values_only_lines(value: Any, chosen: Format) -> Iterator[str]:
    """Only the values, one on each line, whatever they are in."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from newline_values_only_lines(item, chosen)
    else:
        yield value.removesuffix("\n") if isinstance(value, str) else _scalar(value)


def no_return_lines(value: Any, chosen: Format) -> Iterator[str]:
    """Only who has not returned: values that are no more than a text of why."""
    for name, item in _mapping(value).items():
        if isinstance(item, str):
            yield chosen.style.paint(f"{one_line(str(name))}: {one_line(item)}", "red")


_TITLES = {
    "minions": "Accepted Keys",
    "accepted": "Accepted Keys",
    "minions_pre": "Unaccepted Keys",
    "pending": "Unaccepted Keys",
    "minions_rejected": "Rejected Keys",
    "rejected": "Rejected Keys",
    "minions_denied": "Denied Keys",
    "revoked": "Revoked Keys",
}
_KEY_COLOURS = {"Accepted Keys": "green", "Unaccepted Keys": "yellow"}


def key_lines(value: Any, chosen: Format) -> Iterator[str]:
    """Names under the state of their keys."""
    for state, names in _mapping(value).items():
        title = _TITLES.get(state, one_line(str(state)))
        colour = _KEY_COLOURS.get(title, "red")
        yield chosen.style.paint(f"{title}:", colour, "bold")
        each = names if isinstance(names, list) else [names]
        yield from (chosen.style.paint(one_line(str(name)), colour) for name in each)


def highstate_lines(value: Any, chosen: Format) -> Iterator[str]:
    """The results of runs of states; anything else nested."""
    from saltern.cli.output.highstate import highstate, is_highstate

    if is_highstate(value):
        value = {"local": value}
    for name, results in _mapping(value).items():
        if is_highstate(results):
            yield from highstate(results, str(name), chosen.style, chosen.state_output)  # type: ignore[arg-type]
        else:
            yield from nested_lines({name: results}, chosen)


def profile_lines(value: Any, chosen: Format) -> Iterator[str]:
    """How long each state took, the slowest first."""
    from saltern.cli.output.highstate import is_highstate

    if is_highstate(value):
        value = {"local": value}
    for name, results in _mapping(value).items():
        yield chosen.style.paint(f"{one_line(str(name))}:", "cyan")
        if not is_highstate(results):
            yield from nested_lines(results, chosen._replace(indent=4))
            continue
        rows = [_profiled(key, one) for key, one in results.items()]
        rows.sort(key=lambda row: -row[0])
        cells = [(name, function, f"{seconds:,.3f} ms") for seconds, name, function in rows]
        yield from table(("STATE", "FUNCTION", "TOOK"), cells, chosen.style)


def _profiled(key: str, one: Mapping[str, Any]) -> tuple[float, str, str]:
    module, id_, _, function = key.split("_|-", 3)
    return float(one.get("duration") or 0), str(one.get("__id__", id_)), f"{module}.{function}"


def table_lines(value: Any, chosen: Format) -> Iterator[str]:
    """A row for each name (or item), a column for each key that any of them has."""
    heads, rows = _rows(value)
    if rows:
        yield from table([one_line(head).upper() for head in heads], rows, chosen.style)


def csv_lines(value: Any, chosen: Format) -> Iterator[str]:
    """The same as a table, as RFC 4180 has it: with a line of heads."""
    import csv
    import io

    heads, rows = _rows(value)
    if rows:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([heads, *rows])
        yield buffer.getvalue().removesuffix("\n")


def _rows(value: Any) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells: a row for each name's value, or for each item where that is a list."""
    records: list[dict[str, str]] = []
    for name, item in value.items() if isinstance(value, dict) else [(None, value)]:
        for one in item if isinstance(item, list) and item else [item]:
            lead = {} if name is None else {"agent": str(name)}
            records.append(lead | _record(one))
    heads = list(dict.fromkeys(head for record in records for head in record))
    return heads, [[record.get(head, "") for head in heads] for record in records]


def _record(item: Any) -> dict[str, str]:
    if not isinstance(item, dict):
        return {"value": _scalar(item)}
    return {(".agent" if key == "agent" else key): _scalar(inner) for key, inner in item.items()}


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {"local": value}
