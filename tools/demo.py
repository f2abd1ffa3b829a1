"""`make demo`: a controller, its broker and three agents on this machine, and the main jobs shown on them.

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
SITE_SLS = """\
page:
  file.managed:
    - name: {{ pillar.place }}/index.html
    - source: salt://index.html
    - template: jinja
    - makedirs: true

the page says something:
  cmd.run:
    - name: grep Welcome {{ pillar.place }}/index.html
    - onchanges:
      - file: page
"""
TREES = {
    "saltern/top.sls": "base:\n  '*': [site]\n",
    "saltern/site.sls": SITE_SLS,
    "saltern/index.html": "<h1>Welcome to {{ pillar.title }}</h1>\n",
    "pillar/top.sls": "base:\n  '*': [site]\n",
    "pillar/site.sls": f"title: our shop\nplace: '{HOME}/{{{{ grains.id }}}}/www'\n",
}
TERSE = ("--state-output", "terse")
ROLL_OUT = ("apply", "*", "--batch", "1", "--rollback")
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
    show_functions()
    show_states()
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


def show_functions() -> None:
    """Run functions on many, as a person would type it."""
    tell("Who is there?", "minions")
    tell("Run something on all of them", "run", "*", "test.ping")
    tell("The same answer is shown once", "run", "*", "cmd.run", "uname -sm; nproc")
    tell("Facts about each", "run", "web*", "grains.item", "os", "num_cpus")
    tell("A command that fails says so, and so does the exit code", "run", "db1", "cmd.run", "ls /nowhere")
    remark("The truth about a dead one: db1 is killed (kill -9)")
    end("db1", signal.SIGKILL)
    wait_until(lambda: "db1" not in online(), "the broker to see it gone")
    tell("Nobody waits for it", "run", "*", "test.ping")
    start("db1", "agent")
    wait_until(lambda: "db1" in online(), "db1 to come back")
    tell("It is back", "run", "db1", "test.ping")


def show_states() -> None:
    """Bring the machines into a declared state; find out who is not in it, and why."""
    write_trees()
    remark("How machines should be is written in files on the controller")
    print((served("saltern/site.sls")).read_text().rstrip())
    tell("What a machine is told in confidence is rendered for it alone", "pillar", "show", "web1")
    tell("Look first: a plan can be approved, and done exactly", "plan", "web1", *TERSE)
    tell("Bring all into that state", "apply", "*", *TERSE)
    tell("Nothing is done twice", "apply", "*")
    remark("Somebody edits the page of web2 by hand")
    (place("web2") / "index.html").write_text("<h1>Welcome to nobody</h1>\n")
    tell("Who is not as declared?", "drift", "*")
    remark("A bad change: the page no longer says Welcome")
    served("saltern/index.html").write_text("<h1>{{ pillar.title }}</h1>\n")
    tell("Rolled out one by one: it stops at the first, and undoes it there", *ROLL_OUT)
    tell("Why?", "why", rolled_out(), "db1")


def write_trees() -> None:
    """Put states, files and pillar where the controller serves them, and clear what an earlier demo made."""
    for name, text in TREES.items():
        served(name).parent.mkdir(parents=True, exist_ok=True)
        served(name).write_text(text)
    for name in AGENTS:
        shutil.rmtree(place(name), ignore_errors=True)


def served(name: str) -> Path:
    """Return where the controller has a file that it serves."""
    return root("controller") / "srv" / name


def rolled_out() -> str:
    """Return the id of the latest roll-out."""
    jobs = [json.loads(line) for line in saltern("job", "list", "--json").splitlines()]
    return str(next(job["jid"] for job in jobs if job["rollout"]))


def place(name: str) -> Path:
    """Return where an agent's web page is."""
    return root(name) / "www"


def remark(text: str) -> None:
    """Say what happens meanwhile."""
    print(f"\n{BOLD}# {text}{RESET}", flush=True)


def tell(comment: str, *words: str) -> None:
    """Show a command and what it says."""
    remark(comment)
    print(f"{DIM}${RESET} saltern {' '.join(shlex.quote(word) for word in words)}", flush=True)
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
