"""`make demo`: a controller, its broker and three agents on this machine, and the main job shown on them.

Everything lives in .demo and keeps running; a second call uses what is there. `make demo-stop` ends it.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
HOME = PROJECT / ".demo"
SALTERN = Path(sys.executable).with_name("saltern")
AGENTS = ("web1", "web2", "db1")
BOLD, DIM, RESET = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
PATIENCE = 60.0


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("what", choices=("up", "stop"))
    if parser.parse_args().what == "stop":
        stop()
    else:
        up()
    return 0


def up() -> None:
    """Start what does not run yet, and show the main job."""
    HOME.mkdir(mode=0o700, exist_ok=True)
    write_command()
    start_controller()
    join_agents()
    for name in AGENTS:
        start(name, "agent")
    wait_until(lambda: online() == set(AGENTS), "all agents to connect")
    show()
    print(f"\n{BOLD}It all keeps running.{RESET} Try it: {BOLD}.demo/saltern run '*' disk.usage{RESET}")
    print("End it:  make demo-stop")


def write_command() -> None:
    """Leave an executable that talks to the demo's controller."""
    command = HOME / "saltern"
    command.write_text(
        f"#!/bin/sh\nSALTERN_ROOT={shlex.quote(str(root('controller')))}\nexport SALTERN_ROOT\n"
        f'exec {shlex.quote(str(SALTERN))} "$@"\n'
    )
    command.chmod(0o755)


def start_controller() -> None:
    """Start the controller on a free port, the same one each time as long as it is free."""
    settings = root("controller") / "etc/saltern/controller.yaml"
    if not running("controller"):
        settings.parent.mkdir(parents=True, exist_ok=True)
        if not settings.exists() or not port_is_free(settings):
            forget_agents()
            settings.write_text(f'fabric:\n  listen: "127.0.0.1:{free_port()}"\n')
        start("controller", "controller")
    wait_until(lambda: status().get("problems") == [], "the controller to be ready")


def forget_agents() -> None:
    """The controller moves to another address: its agents have to join anew."""
    for name in (*AGENTS, "controller"):
        if name != "controller":
            end(name)
        shutil.rmtree(root(name) / "var", ignore_errors=True)


def join_agents() -> None:
    """Let the agents that have not joined do so, by a token for just so many."""
    missing = [name for name in AGENTS if not (root(name) / "var/lib/saltern/agent/credential.json").exists()]
    if not missing:
        return
    token = json.loads(saltern("token", "create", "--uses", str(len(missing)), "--json"))["text"]
    for name in missing:
        ran = subprocess.run(
            [SALTERN, "--root", root(name), "agent", "join", "-", "--name", name],
            input=token,
            text=True,
            capture_output=True,
        )
        if ran.returncode:
            raise SystemExit(f"demo: {name} could not join:\n{ran.stderr}")


def show() -> None:
    """Run the main job, as a person would type it."""
    tell("Who is there?", "minions")
    tell("Run something on all of them", "run", "*", "test.ping")
    tell("The same answer is shown once", "run", "*", "cmd.run", "uname -sm; nproc")
    tell("Facts about each", "run", "web*", "grains.item", "os", "num_cpus")
    tell("A command that fails says so, and so does the exit code", "run", "db1", "cmd.run", "ls /nowhere")
    print(f"\n{BOLD}# The truth about a dead one: db1 is killed (kill -9){RESET}")
    end("db1", signal.SIGKILL)
    wait_until(lambda: "db1" not in online(), "the broker to see it gone")
    tell("Nobody waits for it", "run", "*", "test.ping")
    start("db1", "agent")
    wait_until(lambda: "db1" in online(), "db1 to come back")
    tell("It is back", "run", "db1", "test.ping")


def tell(comment: str, *words: str) -> None:
    """Show a command and what it says."""
    line = " ".join(shlex.quote(word) for word in words)
    print(f"\n{BOLD}# {comment}{RESET}\n{DIM}${RESET} saltern {line}", flush=True)
    code = subprocess.run([HOME / "saltern", *words]).returncode
    if code:
        print(f"{DIM}(exit code {code}){RESET}", flush=True)


# --- processes ---------------------------------------------------------------------------------------


def root(name: str) -> Path:
    """Return a part's own root."""
    return HOME / name


def start(name: str, command: str) -> None:
    """Start a part, unless it runs; its log is beside its root."""
    if running(name):
        return
    with (HOME / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [SALTERN, "--root", root(name), command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (HOME / f"{name}.pid").write_text(f"{process.pid} {born(process.pid)}")


def running(name: str) -> int | None:
    """Return the part's process id if it runs, and is the one we started."""
    try:
        pid, started = (HOME / f"{name}.pid").read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if born(int(pid)) == started != "" else None


def born(pid: int) -> str:
    """Return when a live process started, in ticks since boot; empty when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def end(name: str, number: signal.Signals = signal.SIGTERM) -> None:
    """End a part and wait for it."""
    pid = running(name)
    if pid is None:
        return
    os.kill(pid, number)
    deadline = time.monotonic() + PATIENCE
    while running(name) is not None:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        reap()
        time.sleep(0.02)
    (HOME / f"{name}.pid").unlink(missing_ok=True)


def reap() -> None:
    """Take note of ended children of ours."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def stop() -> None:
    """End everything; what it knows stays, for the next time."""
    for name in (*AGENTS, "controller"):
        end(name)
    print("The demo is stopped. `make demo` starts it again; `rm -r .demo` forgets it.")


# --- asking ------------------------------------------------------------------------------------------


def saltern(*words: str) -> str:
    """Return what the demo's command says."""
    return subprocess.run([HOME / "saltern", *words], check=True, text=True, capture_output=True).stdout


def status() -> dict[str, object]:
    """Return the controller's own account, or nothing while it does not answer."""
    ran = subprocess.run([HOME / "saltern", "controller", "status", "--json"], text=True, capture_output=True)
    return json.loads(ran.stdout) if ran.stdout.startswith("{") else {}


def online() -> set[str]:
    """Return the names of the agents that are connected."""
    agents = [json.loads(line) for line in saltern("minions", "--json").splitlines()]
    return {agent["name"] for agent in agents if agent["online"]}


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Wait for a condition, or give up and show where to look."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline or running("controller") is None:
            raise SystemExit(f"demo: waited in vain for {what}; the logs are {HOME}/*.log")
        time.sleep(0.05)


def free_port() -> int:
    """Return a port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(settings: Path) -> bool:
    """Tell whether the port in the settings can be had."""
    port = int(settings.read_text().rsplit(":", 1)[1].strip().strip('"'))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
