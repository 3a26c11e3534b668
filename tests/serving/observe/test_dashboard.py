"""Dashboard and alert rules name metrics and labels that exist, and every metric is on the dashboard."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from serving.observe.metrics import METRICS
from tests.conftest import ROOT

FOLDER = ROOT / "deploy" / "observability"
NAME = re.compile(r"\binterlace_\w+")
LABELS = re.compile(r"\b(interlace_\w+)\{([^}]*(?:\{\w+\}[^}]*)*)\}")
LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
OF_PROMETHEUS = {"job", "instance", "le"}


def series() -> dict[str, set[str]]:
    """Name of each series that is exposed -> its labels."""
    found = {}
    for metric in METRICS.values():
        ends = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        found |= {metric.name + end: {*metric.labels, *OF_PROMETHEUS} for end in ends}
    return found


def dashboard() -> list[str]:
    panels = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def alerts() -> list[str]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("expressions", [dashboard(), alerts()], ids=["dashboard", "alerts"])
def test_expressions_name_what_is_exposed(expressions: list[str]) -> None:
    known = series()
    assert len(expressions) >= 10
    for one in expressions:
        assert NAME.findall(one), one
        assert set(NAME.findall(one)) <= set(known), one
        for name, matchers in LABELS.findall(one):
            assert set(LABEL.findall(matchers)) <= known[name], one
        for grouped in re.findall(r"by \(([^)]*)\)", one):
            labels = {label.strip() for label in grouped.split(",")}
            assert labels <= set().union(*(known[name] for name in NAME.findall(one))), one


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for one in dashboard() for name in NAME.findall(one)}
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert set(METRICS) - bare - shown == set()


def test_every_metric_is_in_the_guide() -> None:
    guide = (ROOT / "docs/guide/observability.md").read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}`" not in guide] == []


def test_panels_stand_beside_each_other() -> None:
    panels = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        mine = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not mine & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        cells |= mine
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_scrape_config_asks_for_a_route_that_exists(get) -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    for job in config["scrape_configs"]:
        assert get(job["metrics_path"]).status_code == 200
    assert all((FOLDER / name).is_file() for name in config["rule_files"])
    assert Path(FOLDER / "grafana-dashboard.json").is_file()
