"""Examples of the live routes for the OpenAPI document, and what a valid request is, in one line each."""

from __future__ import annotations

from typing import Any

from serving.routes.examples import ITEM, MODEL, OTHER

VALID_ITEM = (
    '{"title": "…", "kind": "movie", "text": "…", "year": 1999, "image": "BASE64", "attributes": {"Genre": ["Drama"]}}'
)
VALID_NEWCOMER = (
    '{"items": ["movielens:50", {"item": "movielens:172", "kind": "viewed", "at": 1764240000}], "text": "…", '
    '"profile": {"age": 24}, "n": 10, "filter": {"kind": "movie"}, "diversity": 0.3, "scenario": "video"}'
)
VALID_SEARCH = '{"text": "…", "like": ["movielens:50"], "n": 10, "filter": {"years": [1980, 1989]}}'
VALID_CLASSIFY = '{"text": "…", "labels": ["comedy", "horror"], "top": 10}'

ITEM_REQUEST: dict[str, Any] = {
    "title": "The Quiet Planet",
    "kind": "movie",
    "text": "An astronomer hears a signal that nobody else believes in.",
    "year": 1984,
    "attributes": {"Genre": ["Drama", "Sci-Fi"]},
}
ITEM_ANSWER: dict[str, Any] = {
    "item": {
        "id": "movielens:9001",
        "title": "The Quiet Planet",
        "kind": "movie",
        "year": 1984,
        "attributes": {"Genre": ["Drama", "Sci-Fi"]},
        "text": "An astronomer hears a signal that nobody else believes in.",
        "properties": {},
    },
    "vectors": ["text"],
    "missing": {},
    "recommended": True,
}
NEWCOMER_REQUEST: dict[str, Any] = {
    "items": ["movielens:1"],
    "text": "quiet science fiction from the eighties",
    "profile": {"age": 24, "gender": "F"},
    "n": 1,
}
NEWCOMER_ANSWER: dict[str, Any] = {
    "model": dict(MODEL),
    "sources": ["items", "profile", "text"],
    "unknown": [],
    "items": [{"rank": 1, "score": 4.1, "item": dict(OTHER)}],
}
ONBOARDING_ANSWER: dict[str, Any] = {"items": [dict(ITEM), dict(OTHER)]}
SEARCH_REQUEST: dict[str, Any] = {
    "text": "toys that come to life",
    "n": 1,
    "filter": {"kind": "movie", "years": [1990, 1999], "attributes": {"Genre": "Animation"}},
}
SEARCH_ANSWER: dict[str, Any] = {"items": [{"rank": 1, "score": 0.62, "item": dict(ITEM)}]}
CLASSIFY_REQUEST: dict[str, Any] = {
    "text": "Two detectives hunt a killer through a city where it never stops raining.",
    "labels": ["crime", "comedy", "musical"],
}
CLASSIFY_ANSWER: dict[str, Any] = {
    "labels": [{"label": "crime", "confidence": 0.97}, {"label": "comedy", "confidence": 0.31}],
    "calibrated": False,
    "encoders": {"text": "minilm"},
    "skipped": {},
}
