"""What a shell offers after ``saltern``: made from the commands' own parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from saltern.cli.catalogue import COMMANDS, parser_of


class Word(NamedTuple):
    """A word that may be typed, and what it means, in a line."""

    text: str
    meaning: str


class Place(NamedTuple):
    """A command, or one below a command: ``("job", "list")``. ``files``: other words may name files."""

    words: tuple[str, ...]
    offers: Sequence[Word]
    files: bool


def places() -> Iterator[Place]:
    """Yield every place there is, from the first word on."""
    yield Place((), [Word(name, command.summary) for name, command in COMMANDS.items()], False)
    for name in COMMANDS:
        yield from _below((name,), parser_of(name))


def _below(words: tuple[str, ...], parser: argparse.ArgumentParser) -> Iterator[Place]:
    offers: list[Word] = []
    inner: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            inner = dict(action.choices)
            meanings = {choice.dest: choice.help or "" for choice in action._choices_actions}
            offers += [Word(verb, _line(meanings.get(verb, ""))) for verb in inner]
        elif action.help != argparse.SUPPRESS:
            long = [option for option in action.option_strings if option.startswith("--")]
            offers += [Word(option, _line(action.help or "")) for option in long or action.option_strings]
            if not action.option_strings and action.choices:
                offers += [Word(str(choice), "") for choice in action.choices]
    yield Place(words, offers, files=not inner)
    for verb, below in inner.items():
        yield from _below((*words, verb), below)


def _line(text: str) -> str:
    """Return help as one line that no shell takes for anything else."""
    plain = " ".join(text.replace("%%", "%").split())
    return "".join(character for character in plain if character not in "'\"\\`$[]:")


def bash() -> str:
    """Return the script for bash."""
    cases = "\n".join(
        f"        {_key(place)}) offers={_words(place)}; files={int(place.files)} ;;" for place in places()
    )
    return _BASH.replace("CASES", cases)


def zsh() -> str:
    """Return the script for zsh."""
    cases = "\n".join(
        f"        {_key(place)}) offers=({_described(place)}); files={int(place.files)} ;;"
        for place in places()
    )
    return _ZSH.replace("CASES", cases)


def fish() -> str:
    """Return the script for fish."""
    every = list(places())
    known = "set -g __saltern_places " + " ".join(_key(place) for place in every if place.words)
    lines = (line for place in every for line in _fish_lines(place))
    return "\n".join([_FISH, known, "complete -c saltern -f", *lines, ""])


SCRIPTS = {"bash": bash, "zsh": zsh, "fish": fish}


def _key(place: Place) -> str:
    return f"'{' '.join(place.words)}'"


def _words(place: Place) -> str:
    return f"'{' '.join(word.text for word in place.offers)}'"


def _described(place: Place) -> str:
    return " ".join(f"'{word.text}:{word.meaning}'" for word in place.offers)


def _fish_lines(place: Place) -> Iterator[str]:
    where = f"-n \"__saltern_at '{' '.join(place.words)}'\""
    for word in place.offers:
        if word.text.startswith("--"):
            what = f"-l {word.text[2:]}"
        elif word.text.startswith("-"):
            what = f"-s {word.text[1:]}"
        else:
            what = f"-a {word.text}"
        yield f"complete -c saltern {where} {what} -d '{word.meaning}'"
    if place.files:
        yield f"complete -c saltern {where} -F"


#: Each finds the longest run of first words, options left out, that is a place.
_BASH = """# saltern in bash: saltern completion bash > /usr/share/bash-completion/completions/saltern
_saltern_offers() {
    case "$1" in
CASES
        *) return 1 ;;
    esac
}

_saltern() {
    local current="${COMP_WORDS[COMP_CWORD]}" offers='' files=0 place='' skip=0 word
    _saltern_offers ''
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if ((skip)); then skip=0; continue; fi
        case "$word" in
            --root | --color) skip=1; continue ;;
            -*) continue ;;
        esac
        _saltern_offers "${place:+$place }$word" || break
        place="${place:+$place }$word"
    done
    mapfile -t COMPREPLY < <(compgen -W "$offers" -- "$current")
    if ((files)) && [[ $current != -* ]]; then
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
    fi
}

complete -o filenames -F _saltern saltern
"""

_ZSH = """#compdef saltern
# saltern in zsh: saltern completion zsh > "${fpath[1]}/_saltern"
_saltern_offers() {
    case "$1" in
CASES
        *) return 1 ;;
    esac
}

_saltern() {
    local -a offers
    local files=0 place='' skip=0 word
    _saltern_offers ''
    for word in "${(@)words[2,CURRENT-1]}"; do
        if ((skip)); then skip=0; continue; fi
        case "$word" in
            --root | --color) skip=1; continue ;;
            -*) continue ;;
        esac
        _saltern_offers "${place:+$place }$word" || break
        place="${place:+$place }$word"
    done
    _describe 'saltern' offers
    if ((files)); then _files; fi
}

_saltern "$@"
"""

_FISH = """# saltern in fish: saltern completion fish > ~/.config/fish/completions/saltern.fish
function __saltern_at
    set -l place
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word --root --color
            set skip 1
        else if not string match -q -- '-*' $word
            set -l longer (string join ' ' $place $word)
            contains -- $longer $__saltern_places; or break
            set place $longer
        end
    end
    test "$place" = "$argv[1]"
end
"""
