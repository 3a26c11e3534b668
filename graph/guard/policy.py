"""What a caller may see and how much a query may ask for: the values that the guard and the reader are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PROPERTIES = """
email e_mail email_address mail password passwd pwd password_hash passphrase secret secret_key client_secret token
access_token refresh_token auth_token session_token api_key private_key salt otp pin cookie phone phone_number telephone
mobile mobile_number street street_address home_address postal_address address ssn social_security_number passport
passport_number tax_id national_id iban credit_card credit_card_number card_number cvv account_number bank_account ip
ip_address date_of_birth birth_date birthday dob
"""
_LABELS = "Secret Secrets Credential Credentials Password ApiKey AccessToken RefreshToken PrivateKey AuthToken"
HIDDEN_PROPERTIES = frozenset(_PROPERTIES.split())
"""What a caller that is no administrator may not see, unless the settings say otherwise."""
HIDDEN_LABELS = frozenset(_LABELS.split())


@dataclass(frozen=True)
class Limits:
    """Of the text, before anything parses it. `depth`: brackets open at once; `parameter_bytes`: as JSON."""

    length: int = 16_384
    depth: int = 48
    tokens: int = 4_000
    parameter_bytes: int = 1 << 20


@dataclass(frozen=True)
class Policy:
    """Labels and properties that this caller may not see, compared without case and underscores."""

    hidden_labels: frozenset[str] = frozenset()
    hidden_properties: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Catalogue:
    """Labels, relationship types and property keys that the store knows, as it spells them.

    `complete`: whether `properties` has every key (ArcadeDB lists those alone that were declared). `secret_properties`,
    `secret_types`: what nodes with a hidden label bear and what reaches them; None where nobody looked, and then any.
    `graph.guard.survey` finds them all.
    """

    labels: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    complete: bool = False
    secret_properties: frozenset[str] | None = None
    secret_types: frozenset[str] | None = None


@dataclass(frozen=True)
class Checked:
    """A query that passed: `text` is what is executed, character for character what was sent."""

    text: str
    parameters: Mapping[str, Any]
