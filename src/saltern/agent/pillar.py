"""This agent's pillar, asked of the controllers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from saltern.engine.outcome import Outcome
from saltern.engine.pillar_data import decode as decode_pillar
from saltern.engine.pillar_merge import Merging, merging_of
from saltern.engine.site import PillarSource
from saltern.messages.v1 import AskPillar, PillarIs, decode, encode
from saltern.messages.v1.codec import MAX_ANSWER
from saltern.sdk import AgentControl
from saltern.sdk.secret import MASK, secrets_in

#: Characters of a secret that is still found where it stands as plain text.
SHORTEST = 4


def pillar_of(agent: AgentControl) -> PillarSource:
    """Return what gives this agent's pillar, rendered for it alone by a controller.

    What is given for one run is laid over it here: the controllers never see it, so nobody can pose as
    another role by giving it. Raises Unavailable when the pillar does not render, with the controller's
    file and line, or when no controller answers.
    """

    def ask(given: Mapping[str, Any], pillarenv: str) -> Mapping[str, Any]:
        answer = decode(
            agent.ask("pillar", encode(AskPillar(pillarenv=pillarenv))), PillarIs, limit=MAX_ANSWER
        )
        merging: Merging = merging_of(
            {"pillar_source_merging_strategy": answer.strategy, "pillar_merge_lists": answer.merge_lists}
        )
        return merging.with_given(decode_pillar(answer.data), given)

    return ask


class Masks:
    """Covers the pillar's secrets in what a job says and returns, also where they have become plain text.

    Shorter ones than 4 characters are left: they would be found everywhere.
    """

    def __init__(self, pillar: Callable[[], Mapping[str, Any]]) -> None:
        """``pillar`` returns the pillar as far as it is known."""
        self._pillar = pillar
        self._of: Mapping[str, Any] = {}
        self._words: list[bytes] = []

    def hide(self, data: bytes) -> bytes:
        """Return text or JSON with a mask in the place of each secret."""
        for word in self._known():
            if word in data:
                data = data.replace(word, MASK.encode())
        return data

    def hidden(self, outcome: Outcome) -> Outcome:
        """Return what a function ended with, without secrets."""
        failure = outcome.error
        if failure is not None:
            shown = {name: self._text(getattr(failure, name)) for name in ("message", "detail", "hint")}
            failure = msgspec.structs.replace(failure, **shown)
        return msgspec.structs.replace(outcome, data=self.hide(outcome.data), error=failure)

    def _text(self, text: str) -> str:
        return self.hide(text.encode(errors="replace")).decode()

    def _known(self) -> list[bytes]:
        pillar = self._pillar()
        if pillar is not self._of:
            found = {part for one in secrets_in(pillar) for part in _parts(one)}
            words = {form for part in found for form in (part.encode(), msgspec.json.encode(part)[1:-1])}
            self._of, self._words = pillar, sorted(words, key=len, reverse=True)
        return self._words


def _parts(secret: str) -> Iterator[str]:
    """Give a secret, and its lines, which a diff shows one by one."""
    text = str.__str__(secret)
    for part in (text, *text.splitlines()):
        if len(part.strip()) >= SHORTEST and not part.startswith("-----"):
            yield part.strip()
