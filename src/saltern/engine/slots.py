"""``__slot__:salt:fun(args).path ~ text``: arguments that are looked up just before a state runs."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from saltern.sdk import BadArgument, Host
from saltern.sdk.traverse import traverse

_MARK = "__slot__:"
_DEEPEST = 3


def has_slots(value: Any, depth: int = 0) -> bool:
    """Tell whether there is anything to fill in: in texts, in lists and mappings, and those inside them."""
    if isinstance(value, str):
        return value.startswith(_MARK)
    if depth < _DEEPEST and isinstance(value, Mapping):
        return any(has_slots(one, depth + 1) for one in value.values())
    if depth < _DEEPEST and isinstance(value, list | tuple):
        return any(has_slots(one, depth + 1) for one in value)
    return False


def filled(host: Host, value: Any) -> Any:
    """Return ``value`` with its slots replaced by what the functions return. Raises BadArgument."""
    if not has_slots(value):
        return value
    if isinstance(value, str):
        return _called(host, value)
    if isinstance(value, Mapping):
        return {key: filled(host, one) for key, one in value.items()}
    return [filled(host, one) for one in value]


def _called(host: Host, slot: str) -> Any:
    kind, _, rest = slot.removeprefix(_MARK).partition(":")
    if kind != "salt":
        raise _malformed(slot)
    expression, tilde, more = rest.partition(" ~ ")
    fun, args, kwargs, path = _parsed(slot, expression.strip())
    found = host.supply.call(host, fun, args, kwargs)
    if path:
        found = traverse(found, path, delimiter=".")
    return f"{found}{_unquoted(more.strip())}" if tilde else found


def _parsed(slot: str, expression: str) -> tuple[str, list[Any], dict[str, Any], str]:
    """Take ``fun(a, b=c).path`` apart. Bare words among the arguments are text."""
    end = expression.rfind(")")
    path = expression[end + 1 :].removeprefix(".")
    try:
        tree = ast.parse(expression[: end + 1], mode="eval").body
    except (SyntaxError, ValueError):
        raise _malformed(slot) from None
    if not isinstance(tree, ast.Call):
        raise _malformed(slot)
    args = [_value(slot, one) for one in tree.args]
    kwargs = {one.arg: _value(slot, one.value) for one in tree.keywords if one.arg}
    return ast.unparse(tree.func), args, kwargs, path


def _value(slot: str, node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return node.id
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise _malformed(slot) from None


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _malformed(slot: str) -> BadArgument:
    return BadArgument(
        f"{slot!r} is no slot", hint="write __slot__:salt:noun.function('argument', name='value')"
    )
