"""The order of a run: requisites first, then where states were declared; exactly Salt's.

Of all that is ready, the chunk with the lowest key goes next. The key is its own order or, if that is
lower, the lowest order of those that directly wait for it (by their heaviest kinds of requisite); then its
own order; then its module, name and function.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from saltern.sls.low import Kind, Quantity, Requisite, Step
from saltern.sls.lower import Draft

_BEYOND = 1_000_000
_ROOM = 100
_INFINITE = float("inf")
#: From so many targets on (a whole SLS), those that wait for them share one node between.
_CROWD = 64
#: The draft of a node that stands for no draft.
_NOBODY = -1
_QUANTITIES = (Quantity.PLAIN, Quantity.ANY, Quantity.ALL)
#: How heavy each kind of edge is: a heavier one decides where what is waited for goes.
_WEIGHTS = {
    (kind, quantity): number
    for number, (kind, quantity) in enumerate((kind, quantity) for kind in Kind for quantity in _QUANTITIES)
}
_PREREQ = _WEIGHTS[Kind.PREREQ, Quantity.PLAIN]
_REQUIRE = _WEIGHTS[Kind.REQUIRE, Quantity.PLAIN]


class Edge(NamedTuple):
    """``after`` waits for ``before``; both are places among the drafts."""

    before: int
    after: int
    type: str


class Ordered(NamedTuple):
    """The steps of a run by places among the drafts and the drafts' orders; or the edges of a circle."""

    steps: list[Step]
    orders: list[float]
    circle: list[Edge]


def order(drafts: Sequence[Draft], requisites: Sequence[Sequence[Requisite]]) -> Ordered:
    """Return the order in which drafts run; with a circle among them there is none."""
    graph = Graph(requisites)
    orders = _Orders(drafts, graph)
    nodes = list(_sorted(graph, orders))
    if len(nodes) < len(graph.out):
        return Ordered([], orders.final(), graph.circle())
    steps = [
        Step(graph.of_node[node], look=node >= graph.drafts)
        for node in nodes
        if graph.of_node[node] != _NOBODY
    ]
    return Ordered(steps, orders.final(), [])


class Graph:
    """Nodes are the drafts, after them a look at each draft that a ``prereq`` needs, and gates.

    A gate waits for a crowd of targets and is waited for by many: without it, a thousand states that
    require an SLS of a thousand would be a million edges.
    """

    def __init__(self, requisites: Sequence[Sequence[Requisite]]) -> None:
        self.drafts = len(requisites)
        #: For each node, those that wait for it, with the weights of the edges, in the order they came.
        self.out: list[dict[int, dict[int, str]]] = [{} for _ in requisites]
        self._into: list[list[tuple[int, int, str]]] = [[] for _ in requisites]
        self.looked_at: dict[int, int] = {}  # draft → the node that looks at it
        self.of_node: list[int] = list(range(self.drafts))  # node → draft
        self.waiting: list[int] = [0] * self.drafts  # edges into each node
        self._gates: dict[tuple[int, str], int] = {}
        for place, own in enumerate(requisites):
            for requisite in own:
                self._add(place, requisite)

    def _add(self, place: int, requisite: Requisite) -> None:
        if requisite.kind is Kind.LISTEN:
            return
        weight, type = _WEIGHTS[requisite.kind, requisite.quantity], requisite.type
        if requisite.kind is Kind.PREREQ:
            for target in requisite.targets:
                self._add_prereq(place, target)
            return
        targets = requisite.targets
        for target in targets if len(targets) < _CROWD else (self._gate(targets, weight, type),):
            look = self.looked_at.get(place)
            if look is not None:
                self._edge(target, look, weight, type)
            self._edge(target, place, weight, type)

    def _gate(self, targets: tuple[int, ...], weight: int, type: str) -> int:
        """Return the node that waits for all targets; the same tuple always has the same."""
        mark = (id(targets), type)
        if mark not in self._gates:
            gate = self._gates[mark] = self._new_node(_NOBODY)
            for target in targets:
                self._edge(target, gate, weight, type)
        return self._gates[mark]

    def _new_node(self, draft: int) -> int:
        self.out.append({})
        self._into.append([])
        self.of_node.append(draft)
        self.waiting.append(0)
        return len(self.out) - 1

    def _add_prereq(self, place: int, target: int) -> None:
        """Have a draft wait for a look at its target, and the target for the draft."""
        look = self.looked_at.get(target)
        if look is None:
            look = self._new_look(target)
        self._edge(look, place, _PREREQ, "prereq")
        self._edge(place, target, _REQUIRE, "prereq")
        own_look = self.looked_at.get(place)
        if own_look is not None:
            self._edge(look, own_look, _PREREQ, "prereq")

    def _new_look(self, target: int) -> int:
        """Add the node that looks at a draft; it waits for all that the draft waits for so far."""
        look = self.looked_at[target] = self._new_node(target)
        for before, weight, type in list(self._into[target]):
            if not (type == "prereq" and weight == _REQUIRE):
                self._edge(before, look, weight, type)
        return look

    def _edge(self, before: int, after: int, weight: int, type: str) -> None:
        weights = self.out[before].setdefault(after, {})
        if weight not in weights:
            weights[weight] = type
            self._into[after].append((before, weight, type))
            self.waiting[after] += 1

    def circle(self) -> list[Edge]:
        """Return the edges of one circle, in order; empty when there is none."""
        state = [0] * len(self.out)  # 0 not seen, 1 on the way, 2 done
        for start in range(len(self.out)):
            if state[start] == 0:
                found = self._circle_from(start, state)
                if found:
                    return found
        return []

    def _circle_from(self, start: int, state: list[int]) -> list[Edge]:
        path: list[tuple[int, Iterator[int]]] = [(start, iter(self.out[start]))]
        state[start] = 1
        while path:
            node, targets = path[-1]
            target = next(targets, None)
            if target is None:
                state[node] = 2
                path.pop()
            elif state[target] == 1:
                nodes = [one for one, _ in path]
                return self._edges(self._closed(nodes[nodes.index(target) :]))
            elif state[target] == 0:
                state[target] = 1
                path.append((target, iter(self.out[target])))
        return []

    def _closed(self, nodes: list[int]) -> list[int]:
        """Return a circle's nodes from one that stands for a draft back to the same."""
        while self.of_node[nodes[0]] == _NOBODY:
            nodes = [*nodes[1:], nodes[0]]
        return [*nodes, nodes[0]]

    def _edges(self, nodes: Sequence[int]) -> list[Edge]:
        """Return the edges between drafts along a path; gates and looks at the same draft are passed over."""
        edges = []
        passed: Edge | None = None
        for before, after in itertools.pairwise(nodes):
            type = next(iter(self.out[before][after].values()))
            first = passed.before if passed else self.of_node[before]
            edge = Edge(first, self.of_node[after], passed.type if passed else type)
            passed = edge if edge.after == _NOBODY else None
            if not passed and (edge.before != edge.after or len(nodes) <= 3):
                edges.append(edge)
        return edges


class _Orders:
    """The order of each draft, and the key of each node, worked out when it becomes ready."""

    def __init__(self, drafts: Sequence[Draft], graph: Graph) -> None:
        self._drafts = drafts
        self._graph = graph
        self._cap = _cap(drafts)
        self._orders: list[Any] = [draft.order for draft in drafts]
        self._settled = [False] * len(drafts)
        self._labels = [(f"{d.module}{d.name}{d.low['fun']}", d.tag) for d in drafts]
        self._after_gates: dict[int, float] = {}

    def key(self, node: int) -> tuple[Any, ...]:
        """Return where a node goes among those that are ready."""
        draft = self._graph.of_node[node]
        if draft == _NOBODY:
            return (-_INFINITE, -_INFINITE, "", "")
        own = self._settle(draft)
        label, tag = self._labels[draft]
        look = "" if node < self._graph.drafts else "_|-__prereq_test__"
        return min(own, self._lowest_after(node)), own, label, tag + look

    def _settle(self, draft: int) -> float:
        """Return a draft's own order, its place among ``names`` added; a negative one counts from the end."""
        if not self._settled[draft]:
            own = self._number(draft) + self._drafts[draft].number / 10_000
            self._orders[draft] = own + self._cap + _BEYOND if own < 0 else own
            self._settled[draft] = True
        return float(self._orders[draft])

    def _number(self, draft: int) -> int | float:
        """Return the order as a number, as far as it is known by now."""
        value = self._orders[draft]
        if isinstance(value, int | float):
            return value
        number = {"last": self._cap + _BEYOND, "first": 0}.get(value, self._cap)
        self._orders[draft] = number
        return number

    def _lowest_after(self, node: int) -> float:
        heaviest, lowest = -1, _INFINITE
        for after, weights in self._graph.out[node].items():
            for weight in weights:
                if weight >= heaviest:
                    heaviest = weight
                    lowest = min(lowest, self._number_of_node(after))
        return lowest

    def _number_of_node(self, node: int) -> float:
        """Return the order of a node's draft; of a gate the lowest of those that wait for it."""
        draft = self._graph.of_node[node]
        if draft != _NOBODY:
            return self._number(draft)
        if node not in self._after_gates:
            self._after_gates[node] = min(map(self._number_of_node, self._graph.out[node]), default=_INFINITE)
        return self._after_gates[node]

    def final(self) -> list[float]:
        """Return the orders of all drafts."""
        return [self._settle(draft) for draft in range(len(self._drafts))]


def _cap(drafts: Sequence[Draft]) -> int:
    """Return the order of those that have none: above all that have one."""
    cap = 1
    for draft in drafts:
        if isinstance(draft.order, int) and draft.order > max(cap - 1, 0):
            cap = draft.order + _ROOM
    return cap


def _sorted(graph: Graph, orders: _Orders) -> Iterator[int]:
    """Give the nodes, each after all that it waits for; nodes of a circle are left out."""
    waiting = list(graph.waiting)
    ready = [(*orders.key(node), node) for node in range(len(waiting)) if not waiting[node]]
    heapq.heapify(ready)
    while ready:
        node = heapq.heappop(ready)[-1]
        yield node
        for after, weights in graph.out[node].items():
            waiting[after] -= len(weights)
            if not waiting[after]:
                heapq.heappush(ready, (*orders.key(after), after))
