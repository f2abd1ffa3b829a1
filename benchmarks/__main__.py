"""All benchmarks, or those named: ``python -m benchmarks [--quick] [--save] [NAME …]``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from benchmarks import apply, backends, files, fleet, pillar, single
from benchmarks.measure import Row, machine, table

#: Ours, which return rows; and those that print their own tables.
ROWS: dict[str, Callable[[bool], Iterable[Row]]] = {
    "single": single.run,
    "pillar": pillar.run,
    "fleet": fleet.run,
    "apply": apply.run,
    "backends": backends.run,
    "files": files.run,
}
PROGRAMS: dict[str, tuple[str, ...]] = {
    "executor": ("40",),
    "targeting": ("10000",),
    "store": ("--targets", "1000"),
}
_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run them and print; 1 when one of the programs fails."""
    names = [*ROWS, *PROGRAMS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(names)}; default: all")
    parser.add_argument("--quick", action="store_true", help="small and few: shows that they work")
    parser.add_argument("--save", action="store_true", help="keep the results in benchmarks/results")
    options = parser.parse_args()
    chosen = options.names or names
    if unknown := set(chosen) - set(names):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    print(machine(), flush=True)
    rows = [_told(row) for name in chosen if name in ROWS for row in ROWS[name](options.quick)]
    if rows:
        print(f"\n{table(rows)}", flush=True)
    if options.save:
        _save(rows)
    return max([_program(name, options.quick) for name in chosen if name in PROGRAMS], default=0)


def _told(row: Row) -> Row:
    print(f"{row.what}: {row.figure}", file=sys.stderr, flush=True)
    return row


def _program(name: str, quick: bool) -> int:
    print(f"\n--- {name} ---", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", *(PROGRAMS[name] if quick else ())]
    return 1 if subprocess.run(command).returncode else 0


def _save(rows: list[Row]) -> None:
    _RESULTS.mkdir(exist_ok=True)
    file = _RESULTS / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": machine(), "rows": rows})))
    print(f"\nkept in {file}")


if __name__ == "__main__":
    sys.exit(main())
