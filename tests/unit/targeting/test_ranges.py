"""The range language and its cluster files."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.foundation.errors import SettingsError
from saltern.targeting import Clusters, Index, Kind, TargetError, clusters, parse, ranges, resolve

DATA = Path(__file__).parent / "data"
CLUSTERS = Clusters(yaml.safe_load((DATA / "clusters.yaml").read_text()))
AGENTS = ("web1", "web2", "web3", "db01", "db02", "db03", "lonely")
CASES: list[dict[str, Any]] = yaml.safe_load((DATA / "ranges.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"])
def test_a_range_yields_its_names(case: dict[str, Any]) -> None:
    if "error" not in case:
        assert CLUSTERS.expand(case["text"], lambda: AGENTS) == {str(name) for name in case["names"]}
        return
    with pytest.raises(TargetError, match=case["error"]) as caught:
        CLUSTERS.expand(case["text"], lambda: AGENTS)
    if "at" in case:
        assert caught.value.position == case["at"]


def test_only_agents_are_meant() -> None:
    index = Index()
    for name in AGENTS:
        index.put(f"K-{name}", name, {})
    for text in ("R@%web:ALL,nobody", "( R@%web,web9 )", "R@web1..9"):
        assert resolve(parse(text, Kind.COMPOUND), index, clusters=CLUSTERS) == ["K-web1", "K-web2", "K-web3"]
    assert resolve(parse("%web & @spares", Kind.RANGE), index, clusters=CLUSTERS) == ["K-web3"]


@pytest.mark.parametrize("text", ["(" * 2_000 + "a", "%" * 2_000 + "a", "{" * 5_000, "a" + ",a" * 50_000])
def test_monstrous_expressions_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(TargetError):
        assert Clusters({}).expand(text) == {"a"}


def test_clusters_in_a_circle_are_named() -> None:
    loop = Clusters({"loop": {"CLUSTER": "%loop:A", "A": ["x", "%loop:B"], "B": "%loop"}})
    for text in ("%loop", "*x"):
        with pytest.raises(TargetError, match="in a circle") as caught:
            loop.expand(text)
        assert caught.value.hint == "%loop:CLUSTER → %loop:A → %loop:B → %loop:CLUSTER"


def test_doubling_clusters_cost_no_time() -> None:
    doubling = {"c0": {"CLUSTER": "x"}} | {
        f"c{level}": {"CLUSTER": f"%c{level - 1},%c{level - 1}"} for level in range(1, 60)
    }
    assert Clusters(doubling).expand("%c59") == {"x"}


def test_clusters_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text("CLUSTER: [web1..2, 7]\nONE: '1.0'\nEMPTY: []\n")
    (tmp_path / "none.yaml").write_text("")
    (tmp_path / "README").write_text("{")
    found = clusters.read(tmp_path)
    assert found.names() == ["none", "web"]
    assert found.expand("%web") == {"web1", "web2", "7"}
    assert found.expand("%web:ONE,%web:EMPTY,%none") == {"1.0"}
    assert clusters.read(tmp_path / "missing").names() == []


@pytest.mark.parametrize("text", ["[a]", "A: {b: c}", "A: [[b]]", "A: [", "? [a]\n: b"])
def test_a_wrong_cluster_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        clusters.read(tmp_path)
    assert caught.value.where == str(path)


def test_a_cluster_named_like_a_path_is_only_a_name(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.yaml").write_text("CLUSTER: x")
    with pytest.raises(TargetError, match="no cluster"):
        clusters.read(inside).expand('%"../secret"')


def test_a_span_may_repeat_its_prefix() -> None:
    assert ranges.span("web1..web3") == ("web", ["1", "2", "3"], "")
    assert ranges.span("web1..db3") is None
