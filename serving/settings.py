"""Every setting, in one frozen object: read once at each entry point (`INTERLACE_…` variables) and passed down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from graph.errors import InvalidData

_MLFLOW = "MLFLOW_TRACKING_URI"


class Settings(BaseSettings):
    """Settings of one run of a command or of the server. The command line's options override the environment."""

    model_config = SettingsConfigDict(env_prefix="INTERLACE_", frozen=True, extra="forbid")

    home: Path = Field(Path(".interlace"), description="folder of everything the embedded default writes")
    store: str = Field("", description="graph store: 'local:HOME', 'bolt://host:7687' or 'neo4j://host'; empty: local")
    store_user: str = Field("neo4j", description="user name for a Neo4j store")
    store_password_file: Path | None = Field(None, description="file that holds the Neo4j password")
    mlflow: str = Field(
        "sqlite:///mlruns/mlflow.db", description="MLflow tracking and registry address; MLFLOW_TRACKING_URI too"
    )
    mlflow_page: str = Field("", description="where people see MLflow, if not at `mlflow`: http://HOST:5000")
    mirror: Path | None = Field(None, description="folder that `data get` copies data sets from instead of downloading")
    host: str = Field("127.0.0.1", description="address the server binds to")
    port: int = Field(8421, ge=0, le=65535, description="port of the server; 0 takes a free one")
    workers: int = Field(1, ge=1, description="server worker processes")
    choose_every: int = Field(30, ge=0, description="refreshes that share one choice of models; 0: any number")
    choose_growth: float = Field(0.2, gt=0, description="share of new interactions after which models are chosen anew")
    guard_coverage: float = Field(0.25, ge=0, description="share of coverage@10 that a promotion may lose")
    guard_gini: float = Field(0.05, ge=0, description="how much a promotion may raise gini@10")
    guard_gap: float = Field(0.05, ge=0, description="how much a promotion may raise a gap between groups of users")
    guard_latency_ms: float = Field(
        10.0, ge=0, description="milliseconds a user that a promotion may make ranking slower"
    )
    seed: int = Field(42, description="seed of every random choice")
    store_heap_mb: int = Field(1024, ge=256, description="Java heap of the local store, in MB")
    store_memory_mb: int = Field(
        4096, ge=512, description="all memory of the local store, in MB; beyond it, it is ended"
    )
    cypher_timeout: float = Field(10.0, gt=0, description="seconds a Cypher query may run when it does not say")
    cypher_max_timeout: float = Field(60.0, gt=0, description="seconds a Cypher query may ask for")
    cypher_rows: int = Field(1_000, ge=1, description="rows of a Cypher answer when the query does not say")
    cypher_max_rows: int = Field(100_000, ge=1, description="rows that a Cypher query may ask for")
    cypher_bytes: int = Field(64 << 20, ge=1 << 10, description="bytes of rows after which a Cypher answer is cut off")
    cypher_in_flight: int = Field(4, ge=1, description="Cypher queries that one caller may run at the same time")
    hidden_labels: str = Field("", description="labels that Cypher answers never show, besides the usual: a,b")
    hidden_properties: str = Field("", description="properties that Cypher never shows, besides the usual: a,b")
    language_provider: str = Field(
        "", description="language model: 'openai:MODEL', 'local:FOLDER' or 'local:HUB-NAME'; empty: none, all of it off"
    )
    language_url: str = Field("", description="where an openai: model is, up to /chat/completions: https://HOST/v1")
    language_key: SecretStr | None = Field(None, description="key of an openai: model; in its header and nowhere else")
    language_timeout: float = Field(60.0, gt=0, description="seconds that one answer of a language model may take")
    language_parallel: int = Field(4, ge=1, le=64, description="questions to an openai: model at the same time")
    language_price_in: float = Field(0.0, ge=0, description="price of a million tokens read, in your currency")
    language_price_out: float = Field(0.0, ge=0, description="price of a million tokens written, in your currency")
    language_candidates: int = Field(20, ge=2, le=100, description="best items that a language model judges")
    language_reach: int = Field(5, ge=0, le=50, description="places that a language model may move an item, at most")

    exposures: Literal["experiments", "all", "none"] = Field(
        "experiments", description="which answers are logged as shown: of users in experiments, all, or none"
    )
    exposure_days: int = Field(90, ge=1, description="days that the log of what was shown is kept")
    shadow_rate: float = Field(
        0.05, gt=0, le=1, description="share of the requests that a shadow answers too when its start does not say"
    )

    @property
    def store_url(self) -> str:
        """The store's URL, with the default filled in."""
        return self.store or f"local:{self.home / 'store'}"


def read_settings(overrides: Mapping[str, Any]) -> Settings:
    """Settings from the environment, then `overrides`. Raises `InvalidData` that names the bad setting.

    MLflow's own variable, MLFLOW_TRACKING_URI, is the address where INTERLACE_MLFLOW is not set.
    """
    address = os.environ.get(_MLFLOW)
    if address and "mlflow" not in overrides and "INTERLACE_MLFLOW" not in os.environ:
        overrides = {**overrides, "mlflow": address}
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        field = Settings.model_fields.get(name)
        raise InvalidData(
            f"setting {name!r} cannot be {first.get('input')!r} ({first['msg']})",
            valid=field.description or "" if field else ", ".join(Settings.model_fields),
            remedy=f"mend the option, or the variable INTERLACE_{name.upper()}",
        ) from error
