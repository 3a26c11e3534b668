"""What people can agree to, as properties of users in the graph, and what counts while they say nothing.

`graph.consent_snapshot` obeys it in what models learn from, `serving.consent` in answers. A user is an account on one
platform, so a consent is one of a platform and a purpose: `recommendation` (learn from what I do), `transfer` (carry it
to my accounts elsewhere), `explanation` (name me when something is explained to others). `consent_PURPOSE` is true,
false, or absent: then the default counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graph.errors import InvalidData

RECOMMENDATION, TRANSFER, EXPLANATION = "recommendation", "transfer", "explanation"
PURPOSES = (RECOMMENDATION, TRANSFER, EXPLANATION)
YES, NO = ("true", "1"), ("false", "0")
Said = tuple[str, str, bool | None]
"""User, purpose, and whether they agree; None: they took back what they had said."""


@dataclass(frozen=True)
class Defaults:
    """What counts while a user has said nothing: granted, but for the purposes `withheld` (everywhere, or at one
    platform: `shop:transfer`)."""

    withheld: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    @classmethod
    def of(cls, text: str) -> Defaults:
        """From a setting: `transfer,shop:explanation`. Raises `InvalidData` for a purpose that there is not."""
        found = set()
        for word in filter(None, (part.strip() for part in text.split(","))):
            platform, _, purpose = word.rpartition(":")
            found.add((platform, check_purpose(purpose)))
        return cls(frozenset(found))

    def granted(self, user: str, purpose: str) -> bool:
        """Whether an account's silence is a yes."""
        return not {("", purpose), (user.partition(":")[0], purpose)} & self.withheld

    def agrees(self, user: str, purpose: str, said: object) -> bool:
        """By what the property says, where it says yes or no; texts (from a CSV) count too."""
        words = str(said).lower()
        return words in YES or (words not in NO and self.granted(user, purpose))

    def silent(self, purpose: str) -> frozenset[str]:
        """Platforms at which silence is a no; with '' among them, everywhere."""
        return frozenset(platform for platform, name in self.withheld if name == purpose)


def check_purpose(purpose: str) -> str:
    """The purpose; raises `InvalidData` for one that there is not."""
    if purpose not in PURPOSES:
        raise InvalidData(f"the purpose {purpose!r}", valid=", ".join(PURPOSES), remedy="name one of these")
    return purpose


def property_of(purpose: str) -> str:
    """The user's property in the graph: true, false, or absent."""
    return f"consent_{purpose}"
