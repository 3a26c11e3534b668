"""Every setting, in one frozen object: read once at each entry point (`INTERLACE_…` variables) and passed down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from graph.consent import Defaults
from graph.errors import InvalidData

_MLFLOW = "MLFLOW_TRACKING_URI"
_COLLECTOR = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_NO_TRACES = "OTEL_SDK_DISABLED"


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
    private_properties: str = Field(
        "", description="properties of users that are kept encrypted and never shown: email,name,birth_year"
    )
    private_key_file: Path | None = Field(
        None, description="file with their keys, outside of the store (`interlace keys create-private` makes it)"
    )
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
    require_keys: bool = Field(
        False, description="keys on loopback too; beyond loopback the server always asks for them"
    )
    allowed_hosts: str = Field("", description="names of this server besides loopback's, as in a Host header: a,b")
    cors_origins: str = Field("", description="pages of other servers that may use the API: https://HOST[:PORT],…")
    trusted_proxies: str = Field("", description="addresses of proxies whose X-Forwarded-For is believed: a,b")
    behind_tls: bool = Field(False, description="a proxy speaks TLS to callers: adds HSTS, and Secure to the cookie")
    open_media: bool = Field(False, description="pictures without a key, where keys are asked for")
    max_body: int = Field(64 << 20, ge=1 << 10, description="bytes that the body of any request may have")
    max_headers: int = Field(32 << 10, ge=1 << 10, description="bytes that the head of any request may have")
    rate_limit: float = Field(0.0, ge=0, description="requests a second of one key, or address without one; 0: any")
    rate_burst: float = Field(0.0, ge=0, description="requests at once within rate_limit; 0: two seconds' worth")
    audit_bytes: int = Field(
        16 << 20, ge=1 << 10, description="size at which HOME/audit.jsonl is put aside; 5 are kept"
    )
    audit_ids: bool = Field(False, description="users' ids in the audit log; else the names that the server's log has")
    oidc_issuer: str = Field("", description="OpenID Connect issuer whose bearer tokens count; empty: none")
    oidc_audience: str = Field("", description="audience that those tokens must name")
    oidc_jwks: str = Field("", description="the issuer's keys: a JWKS file or https address; empty: by discovery")
    oidc_refresh: float = Field(3600.0, ge=60, description="seconds between two readings of the issuer's keys")
    oidc_role_claim: str = Field("roles", description="claim with the role; a.b: within another")
    oidc_roles: str = Field(
        "", description="what its values mean: WORD=reader|writer|admin,…; those three count anyway"
    )
    oidc_platform_claim: str = Field(
        "", description="claim with the platform a token is bound to, '*': all; empty: all"
    )
    oidc_user_claim: str = Field("", description="claim with the user that a token without a role is bound to")
    oidc_user_prefix: str = Field("", description="what makes that claim an id: 'shop:'")

    log_format: Literal["text", "json"] = Field("text", description="the server's log lines on stderr: text or json")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="what the server's log leaves out"
    )
    log_requests: Literal["auto", "none", "errors", "all"] = Field(
        "auto", description="requests that are logged, beside slow ones; auto: all in json, errors (5xx) in text"
    )
    slow_request_ms: float = Field(1000.0, ge=0, description="milliseconds after which a request is logged; 0: never")
    traces: str = Field(
        "",
        description="where spans go: URL of an OTLP/HTTP collector, or 'otlp' (as OTEL_… say); empty: none are made",
    )
    shown_minutes: float = Field(60.0, gt=0, description="minutes that coverage and drift of what is shown look back")
    requests_running: int = Field(64, ge=1, description="requests that a worker answers at the same time")
    requests_waiting: int = Field(256, ge=0, description="requests that wait for a place of a worker; beyond: 503")
    requests_wait_seconds: float = Field(2.0, gt=0, description="seconds that a request waits for a place; then 503")
    request_seconds: float = Field(
        30.0,
        gt=0,
        description="seconds until a request's answer must begin, then 504; X-Request-Timeout may shorten it",
    )
    drain_seconds: float = Field(
        1.0,
        ge=0,
        description="seconds that a server answers on after SIGTERM, saying that it is not ready; 0: stop at once",
    )
    breaker_failures: int = Field(3, ge=1, description="failures in a row after which the graph store is left alone")
    breaker_pause: float = Field(
        5.0,
        gt=0,
        description="seconds until it is tried again; twice as long after each try that fails, up to a minute",
    )
    store_slow_seconds: float = Field(5.0, gt=0, description="seconds after which an answer of the store is a failure")

    k_anonymity: int = Field(
        5,
        ge=1,
        description="fewest people that a reason or a likeness by the crowd speaks of; counts are in steps of it",
    )
    exposures: Literal["experiments", "all", "none"] = Field(
        "experiments", description="which answers are logged as shown: of users in experiments, all, or none"
    )
    erase_wait: float = Field(
        300.0,
        ge=0,
        description="seconds after which a server carries out what DELETE of users asked for, together; "
        "0: never, interlace erase does",
    )
    exposure_days: int = Field(90, ge=1, description="days that the log of what was shown is kept")
    consent_withheld: str = Field(
        "",
        description="what counts as withheld while a user has said nothing: PURPOSE or PLATFORM:PURPOSE, a,b; "
        "purposes are recommendation, transfer, explanation; empty: all are granted",
    )
    shadow_rate: float = Field(
        0.05, gt=0, le=1, description="share of the requests that a shadow answers too when its start does not say"
    )

    @property
    def consent_defaults(self) -> Defaults:
        """What silence means. Raises `InvalidData` for a purpose that there is not."""
        return Defaults.of(self.consent_withheld)

    @property
    def store_url(self) -> str:
        """The store's URL, with the default filled in."""
        return self.store or f"local:{self.home / 'store'}"


def read_settings(overrides: Mapping[str, Any]) -> Settings:
    """Settings from the environment, then `overrides`. Raises `InvalidData` that names the bad setting.

    MLflow's own variable, MLFLOW_TRACKING_URI, is the address where INTERLACE_MLFLOW is not set; OpenTelemetry's own
    turn traces on where INTERLACE_TRACES is not set.
    """
    for name, value in _of_others().items():
        if value and name not in overrides and f"INTERLACE_{name.upper()}" not in os.environ:
            overrides = {**overrides, name: value}
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


def _of_others() -> dict[str, str]:
    """What the variables of MLflow and OpenTelemetry say of our settings."""
    traces = any(os.environ.get(name) for name in _COLLECTOR) and os.environ.get(_NO_TRACES, "").lower() != "true"
    return {"mlflow": os.environ.get(_MLFLOW, ""), "traces": "otlp" if traces else ""}
