"""Shapes and examples of the refresh runs' answers, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from serving.routes.schemas import Documented


class RefreshStep(Documented):
    """One step of a run: why it was done or skipped, how long it took, and counts of what it did."""

    name: str
    state: str = Field(description="running, done, skipped, failed or interrupted")
    why: str
    seconds: float
    counts: dict[str, int | float | str]


class RefreshRun(Documented):
    """One refresh. Times are Unix seconds; `mlflow` is the page of its MLflow run, null without a page."""

    id: str
    state: str = Field(description="running, done, failed or interrupted")
    trigger: str = Field(description="command, api or schedule")
    started: float
    ended: float | None
    seconds: float | None
    steps: list[RefreshStep]
    error: str
    model_version: str
    index: str
    mlflow: str | None


class RefreshRuns(Documented):
    """Newest first."""

    runs: list[RefreshRun]


class RefreshStarted(Documented):
    """The run that was started; `location` is where its state is, as the header says too."""

    id: str
    location: str


class RefreshRequest(BaseModel):
    """What to refresh; `{}` is everything that changed."""

    model_config = ConfigDict(extra="forbid")

    full: bool = Field(False, description="every step, whatever is recorded")
    only: str = Field("", max_length=40, description="this step alone", examples=["encode"])


RUN: dict[str, Any] = {
    "id": "20260301-030000-3f9a1c",
    "state": "done",
    "trigger": "schedule",
    "started": 1772334000.0,
    "ended": 1772334042.5,
    "seconds": 42.5,
    "steps": [
        {
            "name": "ingest",
            "state": "done",
            "why": "changed: files of /data/shop",
            "seconds": 3.2,
            "counts": {"nodes": 12, "relationships": 1804},
        },
        {"name": "encode", "state": "skipped", "why": "nothing changed", "seconds": 0.0, "counts": {}},
    ],
    "error": "",
    "model_version": "3",
    "index": "d74ca73bb2dc2aac",
    "mlflow": "http://127.0.0.1:5000/#/runs/8c1b20f7aa",
}
STARTED = {"id": RUN["id"], "location": f"/v1/refresh-runs/{RUN['id']}"}
