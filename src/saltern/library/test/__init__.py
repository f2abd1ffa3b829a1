"""Is anybody there? Functions that try the way to a host and back, and states that try an SLS."""

from __future__ import annotations

import builtins
import secrets
from typing import Any

from saltern.sdk import BadArgument, Host
from saltern.sdk.registry import LIBRARY

ALIASES = {"versions": "versions_report", "rand_str": "random_hash"}


def ping(host: Host) -> bool:
    """Return true: the agent is there and runs functions.

    Example:
        saltern run '*' test.ping
    """
    return True


def true_(host: Host) -> bool:
    """Return true.

    Example:
        saltern run '*' test.true
    """
    return True


def false_(host: Host) -> bool:
    """Return false.

    Example:
        saltern run '*' test.false
    """
    return False


def echo(host: Host, text: Any) -> Any:
    """Return what was given.

    Example:
        saltern run '*' test.echo 'foo bar'
    """
    return text


def outputter(host: Host, data: Any) -> Any:
    """Return what was given, to try a formatter.

    Example:
        saltern run '*' test.outputter '{a: [1, 2]}'
    """
    return data


def arg(host: Host, /, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the arguments as they arrived: ``{args: […], kwargs: {…}}``.

    Example:
        saltern run '*' test.arg 1 two 3.1 txt=hello 'wow={a: 1, b: hello}'
    """
    return {"args": args, "kwargs": kwargs}


def arg_clean(host: Host, /, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the arguments as they arrived; hidden ones never do.

    Example:
        saltern run '*' test.arg_clean 1 two txt=hello
    """
    return {"args": args, "kwargs": kwargs}


def arg_type(host: Host, /, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the arguments' types, written as ``<class 'int'>``: ``{args: […], kwargs: {…}}``.

    Example:
        saltern run '*' test.arg_type 1 int
    """
    return {
        "args": [str(type(value)) for value in args],
        "kwargs": {name: str(type(value)) for name, value in kwargs.items()},
    }


def arg_repr(host: Host, /, *args: Any, **kwargs: Any) -> dict[str, str]:
    """Return the arguments as Python writes them: ``{args: text, kwargs: text}``.

    Example:
        saltern run '*' test.arg_repr 1 two txt=hello
    """
    return {"args": repr(args), "kwargs": repr(kwargs)}


def kwarg(host: Host, /, **kwargs: Any) -> dict[str, Any]:
    """Return the named arguments.

    Example:
        saltern run '*' test.kwarg num=1 txt=two 'env={a: 1}'
    """
    return kwargs


def sleep(host: Host, length: float) -> bool:
    """Wait ``length`` seconds, then return true.

    Example:
        saltern run '*' test.sleep 20
    """
    host.sleep(length)
    return True


def rand_sleep(host: Host, max: int = 60) -> bool:
    """Wait a random time of at most ``max`` seconds, then return true.

    Example:
        saltern run '*' test.rand_sleep 10
    """
    host.sleep(secrets.randbelow(max + 1))
    return True


def fib(host: Host, num: int) -> tuple[int, float]:
    """Return the ``num``-th Fibonacci number and the seconds it took.

    Raises ValueError for a negative number.

    Example:
        saltern run '*' test.fib 30
    """
    if num < 0:
        raise ValueError("there is no Fibonacci number before the first")
    start = host.steady()
    previous, current = 0, 1
    for _ in range(num - 1):
        previous, current = current, previous + current
    return (current if num else 0), host.steady() - start


def collatz(host: Host, start: int) -> tuple[list[int], float]:
    """Return the Collatz sequence from ``start`` down to (without) 1, and the seconds it took.

    Raises ValueError for a number below 1.

    Example:
        saltern run '*' test.collatz 27
    """
    if start < 1:
        raise ValueError("the sequence starts from a number above 0")
    begin, steps = host.steady(), []
    while start != 1:
        steps.append(start)
        start = start // 2 if start % 2 == 0 else start * 3 + 1
    return steps, host.steady() - begin


def random_hash(host: Host, size: int = 9999999999, hash_type: str = "sha256") -> str:
    """Return the hash, in hexadecimal digits, of a random number below ``size``.

    Raises BadArgument for a hash this Python does not have.

    Example:
        saltern run '*' test.random_hash hash_type=sha512
    """
    import hashlib

    if hash_type not in hashlib.algorithms_available:
        raise BadArgument(f"no hash called {hash_type!r}", hint="sha256 and sha512 are everywhere")
    number = str(1 + secrets.randbelow(size))
    return hashlib.new(hash_type, number.encode()).hexdigest()


def retcode(host: Host, code: int = 42) -> bool:
    """Return true from a call that failed with ``code``.

    Example:
        saltern run '*' test.retcode 3
    """
    host.fail(code)
    return True


def exception(host: Host, message: str = "Test Exception") -> None:
    """Fail by an exception that nobody foresaw.

    Example:
        saltern run '*' test.exception 'Oh no!'
    """
    raise Exception(message)


def raise_exception(host: Host, name: str, *args: Any) -> bool:
    """Fail by one of Python's own exceptions; return false when there is none of that name.

    Example:
        saltern run '*' test.raise_exception TypeError 'an integer is required'
    """
    found = vars(builtins).get(name)
    if not isinstance(found, type) or not issubclass(found, (Exception, SystemExit)):
        return False
    raise found(*args)


def assertion(host: Host, assertion: Any) -> None:
    """Fail unless ``assertion`` is true.

    Example:
        saltern run '*' test.assertion False
    """
    if not assertion:
        raise AssertionError(f"{assertion!r} is not true")


def stack(host: Host) -> str:
    """Return the stack of calls that leads here.

    Example:
        saltern run '*' test.stack
    """
    import traceback

    return "".join(traceback.format_stack())


def version(host: Host) -> str:
    """Return Saltern's version on the host.

    Example:
        saltern run '*' test.version
    """
    from saltern import __version__

    return __version__


def versions_information(host: Host) -> dict[str, dict[str, str]]:
    """Return the versions of Saltern, of what it stands on, and of the system, by section and name.

    Example:
        saltern run '*' test.versions_information
    """
    import platform

    uname = host.uname()
    return {
        "Saltern Version": {"Saltern": version(host)},
        "Dependency Versions": {"Python": platform.python_version(), **_dependencies()},
        "System Versions": {
            "system": uname.system,
            "release": uname.release,
            "version": uname.version,
            "machine": uname.machine,
        },
    }


def versions_report(host: Host) -> str:
    """Return the versions as a table for people.

    Example:
        saltern run '*' test.versions
    """
    lines = []
    for section, versions in versions_information(host).items():
        lines.append(f"{section}:")
        lines += [f"{name:>20}: {number}" for name, number in versions.items()]
    return "\n".join(lines)


def provider(host: Host, module: str) -> str:
    """Return the name of the Python module that provides a noun; empty when there is no such noun.

    Example:
        saltern run '*' test.provider cmd
    """
    functions = LIBRARY.noun(module)
    return next((function.module.__name__ for function in functions.values()), "")


def providers(host: Host) -> dict[str, str]:
    """Return the Python module that provides each noun.

    Example:
        saltern run '*' test.providers
    """
    return {noun: provider(host, noun) for noun in LIBRARY.nouns()}


def not_loaded(host: Host) -> list[str]:
    """Return the nouns that can't serve on this host.

    Example:
        saltern run '*' test.not_loaded
    """
    return [noun for noun in LIBRARY.nouns() if _is_useless(host, noun)]


def _is_useless(host: Host, noun: str) -> bool:
    refusals = [function.refusal(host) for function in LIBRARY.noun(noun).values()]
    refusals += [state.refusal(host) for state in LIBRARY.states(noun).values()]
    return all(refusals)


def _dependencies() -> dict[str, str]:
    from importlib import metadata

    found = {}
    for requirement in metadata.requires("saltern") or []:
        if "extra ==" not in requirement:
            name = requirement.split(">")[0].split("<")[0].split("=")[0].strip()
            found[name] = metadata.version(name)
    return found
