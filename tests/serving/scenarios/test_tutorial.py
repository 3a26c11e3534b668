"""The guide's scenario, run on MovieLens 100K as the guide says."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from graph.consent import Defaults
from graph.snapshot_read import read_folder
from serving.foldin import viewer
from serving.index import ModelInfo
from serving.live_holder import open_live
from serving.publish import publish
from serving.scenarios.columns import ColumnsHolder
from serving.scenarios.find import Scenarios
from serving.scenarios.home import home
from serving.scenarios.visitor import Visitor
from training.train import everything
from training.zoo import find

GUIDE = Path(__file__).parents[3] / "docs/guide/scenarios.md"


@pytest.mark.slow
def test_the_film_club_of_the_guide(data_root: Path, tmp_path: Path) -> None:
    text = re.search(r"```yaml\n# HOME/scenarios/(\S+)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None
    snapshot = read_folder(data_root / "ml-100k").snapshot
    publish(snapshot, find("ease").build().fit(everything(snapshot, None)), home=tmp_path, model=ModelInfo("ease", "1"))
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / text[1]).write_text(text[2], encoding="utf-8")
    live = open_live(tmp_path, Defaults())
    preset, columns = Scenarios(tmp_path).get(Path(text[1]).stem), ColumnsHolder().get(live)
    for place in range(0, live.index.num_users, 50):
        who = viewer(live, live.index.user_ids[place].decode())
        rows = home(Visitor(live, columns, who, now=0.0), preset, "zh")
        assert len(rows) >= 4
        shown = [orjson.loads(live.page(item)) for row in rows for item in row.items]
        assert len({card["id"] for card in shown}) == len(shown)
        assert not any("Horror" in card["attributes"].get("Genre", ()) for card in shown)
        classics = next(row for row in rows if row.title == "经典")
        assert all(orjson.loads(live.page(item))["year"] <= 1970 for item in classics.items)
