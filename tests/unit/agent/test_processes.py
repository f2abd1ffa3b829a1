"""What the kernel says of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from saltern.agent import processes
from saltern.testing.conditions import eventually


def test_a_process_is_known_by_its_start() -> None:
    with subprocess.Popen(["sleep", "100"]) as process:
        start = processes.born(process.pid)
        assert start
        watch = processes.open_process(process.pid, start)
        assert watch is not None
        os.close(watch)
        assert processes.open_process(process.pid, start + 1) is None  # another one with that id
        process.kill()
        eventually(lambda: processes.born(process.pid) == 0, what="a zombie is no process")
        assert processes.open_process(process.pid, start) is None
    assert processes.open_process(process.pid, start) is None


def test_descendants_are_found_with_and_without_the_kernels_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sh", "-c", "sleep 100 & sleep 100; true"]) as process:
        found = eventually(
            lambda: len(processes.descendants(process.pid)) == 2 and processes.descendants(process.pid)
        )
        monkeypatch.setattr(processes, "_kernel_lists_children", lambda: False)
        assert sorted(processes.descendants(process.pid)) == sorted(found or [])
        process.send_signal(signal.SIGSTOP)
        assert processes.kill_tree(process.pid) == []
        process.kill()
    assert [pid for pid in found or [] if processes.born(pid)] == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended with code 0"),
        (3 << 8, "ended with code 3"),
        (9, "killed by signal 9 (SIGKILL)"),
        (139, "killed by signal 11 (SIGSEGV)"),
        (40, "killed by signal 40 (Real-time signal 6)"),
    ],
)
def test_how_a_process_ended(status: int, words: str) -> None:
    assert processes.describe(status) == words


def test_a_process_dies_with_its_parent() -> None:
    program = (
        "import os, time\n"
        "from saltern.agent.processes import die_with_parent\n"
        "own = os.getpid()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    die_with_parent(own)\n"
        "    os.write(1, b'%d' % os.getpid())\n"
        "    time.sleep(100)\n"
        "os.waitpid(pid, 0)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout
        child = int(os.read(process.stdout.fileno(), 20))
        assert processes.born(child)
        process.kill()
        eventually(lambda: not processes.born(child))


def test_descriptors_are_closed_but_for_the_chosen_one() -> None:
    program = (
        "import os\n"
        "from saltern.agent.processes import close_all_but\n"
        "kept = os.open('/dev/zero', os.O_RDONLY)\n"
        "more = [os.dup(kept) for _ in range(50)]\n"
        "error = os.readlink('/proc/self/fd/2')\n"
        "close_all_but(kept)\n"
        "place = '/proc/self/fd/'\n"
        "found = {int(name): os.path.realpath(place + name) for name in os.listdir(place)}\n"
        "assert found[0] == '/dev/null', found\n"
        "assert found[kept] == '/dev/zero', found\n"
        "assert os.readlink('/proc/self/fd/1') == error\n"
        "assert len(found) <= 5, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
