"""metrics, experiment and shadow on the command line: from a definition to a page, on logs with a known truth."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from graph.schema import KINDS
from serving.events import Event, EventLog
from serving.experiment_runs import ExperimentRuns
from serving.exposures import Exposure, ExposureLog, Shadowed
from serving.index import FOLDER, open_index
from tests.serving.cli.conftest import Interlace

DAY = 86_400
BEGIN = 1_700_000_000 // DAY * DAY
YAML = """experiments:
  - name: shelf
    description: a shelf at the top
    arms: {usual: {}, shelf: {diversity: 0.4}}
    guards: {impressions: 0.2}
    expected_users: 2000
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the experiment's definition and, once it is started, 1,200 users of it: 10% and 25% click."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "experiments.yaml").write_text(YAML)
    monkeypatch.setenv("INTERLACE_MLFLOW", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return home


def live(home: Path) -> None:
    """What servers and people would have left since the experiment was started."""
    rng = np.random.default_rng(0)
    with closing(ExperimentRuns(home)) as runs, closing(ExposureLog(home)) as log, closing(EventLog(home)) as events:
        with runs.ledger.open() as connection:
            connection.execute("UPDATE runs SET started = ?", (BEGIN,))
        experiment = runs.latest("shelf").experiment
        shown, acts = [], []
        for number in range(1_200):
            user, at = f"shop:{number}", BEGIN + number * 60
            arm = experiment.arm_of(user).name
            items = [f"i{(number + place) % 40}" for place in range(3)]
            shown.append(Exposure(f"r{number}", user, at, f"v{number % 2}", {"shelf": arm}, items))
            clicked = [item for item in items if rng.random() < (0.25 if arm == "shelf" else 0.1)]
            acts += [Event(f"{number}{item}", user, item, KINDS.index("clicked"), None, at + 30) for item in clicked]
        acts.append(Event("buy", "shop:1", "i1", KINDS.index("purchased"), 9.5, BEGIN + 90))
        log.add(shown)
        events.add(acts)


def test_from_the_definition_to_the_page(interlace: Interlace, shop: Path) -> None:
    def run(*words: str) -> dict[str, object]:
        answer = interlace("experiment", *words, "--home", shop, "--json")
        assert answer.code == 0, answer.err
        return answer.json

    assert [(one["name"], one["state"]) for one in run("list")["experiments"]] == [("shelf", "defined")]
    assert run("start", "shelf")["arms"] == {"usual": {}, "shelf": {"diversity": 0.4}}
    assert interlace("experiment", "start", "shelf", "--home", shop).code == 2
    live(shop)
    found = run("report", "shelf")
    assert found["verdicts"]["shelf"].startswith("better in ctr")
    assert found["measures"][0]["low"] < 0.15 < found["measures"][0]["high"]
    assert found["guards"][0]["state"] == "holds"
    assert found["split"]["good"]
    page = Path(found["page"]).read_text(encoding="utf-8")
    assert "a shelf at the top" in page
    from training.tracking import open_tracker

    client = open_tracker(f"sqlite:///{shop.parent / 'mlflow.db'}").client
    entry = client.get_run(found["run"])
    assert entry.data.metrics["shelf/ctr/value"] == pytest.approx(found["measures"][0]["value"])
    assert {one.path for one in client.list_artifacts(found["run"])} == {"report.html", "report.json"}
    (shop / "experiments.yaml").write_text(YAML.replace("0.4", "0.5"))
    assert "was changed" in run("report", "shelf", "--no-track")["notes"][0]
    text = interlace("experiment", "report", "shelf", "--no-track", "--home", shop).out
    assert "better in ctr" in text
    assert run("stop", "shelf")["stopped"] is not None
    assert run("list")["experiments"][0]["state"] == "ended"
    assert interlace("experiment", "list", "--home", shop).out.count("shelf") == 2
    assert "never started" in interlace("experiment", "report", "none", "--home", shop).err


def test_the_numbers(interlace: Interlace, shop: Path, tmp_path: Path) -> None:
    interlace("experiment", "start", "shelf", "--home", shop)
    live(shop)
    words = ("metrics", "--home", shop, "--json")
    rows = {row["measure"]: row for row in interlace(*words).json["rows"]}
    assert rows["impressions"]["numerator"] == 3_600
    assert (rows["order_value"]["value"], rows["orders"]["numerator"]) == (9.5, 1)
    arms = interlace(*words, "--by", "arm", "--bootstrap").json["rows"]
    rate = {row["group"]: row for row in arms if row["measure"] == "ctr"}
    assert rate["shelf/shelf"]["low"] < 0.25 < rate["shelf/shelf"]["high"]
    assert rate["shelf/usual"]["bootstrap_low"] == pytest.approx(rate["shelf/usual"]["low"], abs=0.01)
    assert {row["group"] for row in interlace(*words, "--by", "model").json["rows"]} == {"v0", "v1"}
    out = tmp_path / "days.parquet"
    assert interlace(*words, "--by", "day", "--since", "2023-11-14", "--out", out).code == 0
    assert pq.read_table(out).num_rows > 5
    assert interlace(*words, "--out", tmp_path / "all.csv").code == 0
    assert (tmp_path / "all.csv").read_text().startswith('"group","measure","value"')
    assert interlace(*words, "--until", "2023-11-14").json["rows"] == []
    assert "ctr" in interlace("metrics", "--home", shop).out
    assert interlace(*words, "--out", "x.xls").code == 2
    assert interlace(*words, "--since", "whenever").code == 2
    assert interlace(*words, "--impressions", "seen").json["impressions"] == 0


def test_the_graph_s_interactions_where_asked(
    interlace: Interlace, home: Path, tmp_path: Path, snapshot: object
) -> None:
    from graph.snapshot_files import save

    mine = tmp_path / "home"
    shutil.copytree(home / FOLDER, mine / FOLDER)
    save(snapshot, mine / "snapshots" / open_index(mine).snapshot)  # type: ignore[arg-type]
    with_graph = interlace("metrics", "--graph", "--home", mine, "--json").json
    assert with_graph["events"] == len(snapshot.interactions) - 2, "two have no time"  # type: ignore[attr-defined]
    row = snapshot.interactions.take(np.arange(1))  # type: ignore[attr-defined]
    user, item = snapshot.users.ids[row.user[0]], snapshot.items.ids[row.item[0]]  # type: ignore[attr-defined]
    same = Event("e", user, item, int(row.kind[0]), float(row.value[0]), int(row.time[0]))
    with closing(EventLog(mine)) as events:
        events.add([same])
    assert interlace("metrics", "--graph", "--home", mine, "--json").json["events"] == with_graph["events"]
    assert interlace("metrics", "--home", mine, "--json").json["events"] == 1


def test_the_size(interlace: Interlace, tmp_path: Path) -> None:
    words = ("experiment", "size", "--baseline", "0.05", "--lift", "0.1", "--power", "0.8", "--daily", "5000")
    found = interlace(*words, "--json").json
    assert found["fixed"] == 31_234
    assert found["days"] == -(-2 * found["sequential"] // 5_000)
    assert "31,234 users an arm when it is looked at once" in interlace(*words).out
    assert interlace("experiment", "size", "--baseline", "2", "--lift", "0.1").code == 2


def test_a_shadow(interlace: Interlace, home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "home"
    shutil.copytree(home / FOLDER, mine / FOLDER)
    version = open_index(mine).version
    assert interlace("shadow", "report", "--home", mine).code == 2
    found = interlace("shadow", "start", "7", "--home", mine, "--json").json
    assert (found["version"], found["rate"]) == (version, 0.05), "by the model's version"
    assert "no answer has been shadowed" in interlace("shadow", "report", "--home", mine).err
    with closing(ExposureLog(mine)) as log:
        log.add([Shadowed("r", "p:u01", 5, version, version, ["p:i01", "p:i02"], ["p:i01", "p:i03"], 0.1, 0.5)])
    report = interlace("shadow", "report", "--home", mine, "--json").json
    assert (report["answers"], report["overlap"][0], report["clicks"]) == (1, 0.5, None)
    assert "no answer that was explored" in report["no_clicks"]
    assert "overlap of the first ten" in interlace("shadow", "report", version, "--home", mine).out
    assert interlace("shadow", "stop", "--home", mine).code == 0
    assert interlace("shadow", "start", "9", "--home", mine).code == 2
    assert json.loads((mine / FOLDER / version / "manifest.json").read_bytes())["model"]["version"] == "7"
