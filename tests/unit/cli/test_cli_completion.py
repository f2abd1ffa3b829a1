"""What shells offer, asked of the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from saltern.cli.catalogue import COMMANDS
from saltern.cli.completion import SCRIPTS, places
from saltern.cli.main import main

ASK = """
source SCRIPT
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_saltern
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(tmp_path: Path, *words: str) -> list[str]:
    """Return what bash offers for the last of the words."""
    script = tmp_path / "script"
    script.write_text(SCRIPTS["bash"]())
    ask = ASK.replace("SCRIPT", str(script))
    done = subprocess.run(
        ["bash", "--norc", "-euo", "pipefail", "-c", ask, "bash", "saltern", *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "some", "none"),
    [
        (("",), {*COMMANDS}, {"list"}),
        (("mi",), {"minions", "mine"}, {"run"}),
        (("job", ""), {"list", "show", "watch", "cancel", "rerun"}, {"run", "a-file"}),
        (("--root", "/x", "job", "re"), {"rerun"}, {"list"}),
        (("--json", "job", "rerun", "--f"), {"--failed"}, {"--missing"}),
        (("run", "web1", "--ba"), {"--batch", "--batch-wait"}, {"--async"}),
        (("cp", "a-"), {"a-file"}, {"run"}),
        (("completion", ""), {"bash", "zsh", "fish"}, {"run"}),
    ],
)
def test_bash_offers_what_there_is(
    tmp_path: Path, words: tuple[str, ...], some: set[str], none: set[str]
) -> None:
    (tmp_path / "a-file").touch()
    found = set(offered(tmp_path, *words))
    assert some <= found
    assert not none & found


@pytest.mark.parametrize("shell", sorted(SCRIPTS))
def test_every_command_is_in_it_and_the_shell_can_read_it(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert all(f"'{' '.join(place.words)}'" in text for place in places() if place.words)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: its script is not read by it")
    done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "known: bash, zsh, fish" in capsys.readouterr().err
