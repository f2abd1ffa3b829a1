"""States on one machine, whole process each: beside ``python -c pass``, and beside Salt where it is named.

    python -m benchmarks.states [--salt-call PATH] [--rounds N]

Each line is the best of some rounds, in seconds, with its ratio to the bare interpreter and to Salt.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MAIN = "import sys; from saltern.cli.main import main; sys.exit(main())"

Trees = dict[str, str]


def trees(place: Path) -> Trees:
    """Return the SLS that are measured, by name."""
    files = (
        f"{place}/f{n}:\n  file.managed:\n    - contents: line {n}\n    - mode: '0644'\n" for n in range(1000)
    )
    chain = (
        f"c{n}:\n  test.nop:\n" + (f"    - require:\n      - test: c{n - 1}\n" if n else "    - name: c0\n")
        for n in range(1000)
    )
    loop = "{% for n in range(1000) %}\nj{{ n }}:\n  test.nop:\n    - name: {{ grains.id }}-{{ n }}\n"
    loop += "{% endfor %}\n"
    return {
        "one": "n:\n  test.nop: []\n",
        "nops": "".join(f"n{n}:\n  test.nop: []\n" for n in range(1000)),
        "files": "".join(files),
        "chain": "".join(chain),
        "loop": loop,
        "many": "".join(f"n{n}:\n  test.nop: []\n" for n in range(10_000)),
    }


def best(command: list[str], rounds: int, before: Callable[[], None] = lambda: None) -> float:
    """Return the shortest time of a command that must succeed, in seconds."""
    times = []
    for _ in range(rounds):
        before()
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment())
        times.append(time.perf_counter() - begin)
    return min(times)


def environment() -> dict[str, str]:
    """Return the environment with compiled modules in use, as an installed program has them."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def cases(place: Path) -> Iterator[tuple[str, list[str], Callable[[], None]]]:
    """Give each measurement: its title, the function with arguments, and what to do before each round."""

    def nothing() -> None:
        return None

    def emptied() -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()

    yield "test.ping", ["test.ping"], nothing
    yield "1 test.nop", ["state.apply", "one"], nothing
    yield "1,000 test.nop", ["state.apply", "nops"], nothing
    yield "1,000 file.managed, first", ["state.apply", "files"], emptied
    yield "1,000 file.managed, again", ["state.apply", "files"], nothing
    yield "1,000 in a chain of require", ["state.apply", "chain"], nothing
    yield "1,000 from a Jinja loop", ["state.apply", "loop"], nothing
    yield "10,000 test.nop", ["state.apply", "many"], nothing


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--salt-call", metavar="PATH")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saltern-states-") as directory:
        measure(Path(directory), options.salt_call, options.rounds)


def measure(directory: Path, salt_call: str | None, rounds: int) -> None:
    """Lay the trees out and measure each case."""
    root, place = directory / "sls", directory / "place"
    root.mkdir()
    place.mkdir()
    for name, text in trees(place).items():
        (root / f"{name}.sls").write_text(text)
    ours = [sys.executable, "-c", MAIN, "--root", str(directory / "root"), "call", "--json"]
    ours += ["--file-root", str(root), "--id", "bench"]
    theirs = [
        salt_call or "",
        "--local",
        f"--config-dir={directory}/salt",
        f"--file-root={root}",
        "--id=bench",
    ]
    theirs += ["--out=quiet", "-l", "quiet"]
    (directory / "salt").mkdir()
    (directory / "salt/minion").write_text(f"root_dir: {directory}/salt\nfile_client: local\n")
    bare = best([sys.executable, "-c", "pass"], rounds)
    print(f"{'python -c pass':32} {bare:7.3f} s")
    for title, words, before in cases(place):
        seconds = best([*ours, *words], rounds, before)
        line = f"{title:32} {seconds:7.3f} s  {seconds / bare:6.1f} x python"
        if salt_call:
            salt = best([*theirs, *words], max(1, rounds // 3), before)
            line += f"  Salt {salt:7.3f} s, {salt / seconds:5.1f} x ours"
        print(line, flush=True)


if __name__ == "__main__":
    main()
