"""What callers of the API and of `interlace cypher` may not see: secrets, private data, and what the settings add."""

from __future__ import annotations

from graph.guard.policy import Policy
from serving.settings import Settings

HIDDEN_LABELS = frozenset({"ApiKey", "Credential", "Secret", "Session"})
HIDDEN_PROPERTIES = frozenset(
    """
    password password_hash passwd secret secret_key api_key access_key private_key token access_token refresh_token
    key_hash salt credential credentials email e_mail mail phone phone_number telephone mobile address street
    birthday birth_date date_of_birth ssn passport iban card_number credit_card ip ip_address
    """.split()  # noqa: SIM905  a list of words reads best as words
)


def policy_of(settings: Settings) -> Policy:
    """The policy for callers without a key that says more."""
    return Policy(
        HIDDEN_LABELS | _names(settings.hidden_labels), HIDDEN_PROPERTIES | _names(settings.hidden_properties)
    )


def _names(listed: str) -> frozenset[str]:
    return frozenset(name.strip() for name in listed.split(",") if name.strip())
