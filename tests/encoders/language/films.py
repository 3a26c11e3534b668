"""A small catalogue in words, and what a tiny model learns to say of it."""

from __future__ import annotations

from encoders.language.judge import LIKED, Words
from encoders.language.prompts import TEMPLATES, again, likely
from encoders.language.provider import Prompt
from encoders.language.untrusted import Data

FILMS = {
    "shop:1": Words("Star Road", "Two pilots cross the galaxy.", "movie", 1981, ("Adventure", "Space")),
    "shop:2": Words("Quiet House", "A widow finds letters in a wall.", "movie", 1999, ("Drama",)),
    "shop:3": Words("Red Orbit", "A crew is lost near Mars.", "movie", 1985, ("Space",)),
    "shop:4": Words("Laugh Track", "A comedian loses his voice.", "movie", 2004, ("Comedy",)),
    "shop:5": Words("Linked", "A film whose summary goes wrong.", "movie", 2001, ("Drama",)),
}
SUMMARIES = {
    "shop:1": "A bright adventure of two pilots in space. It suits fans of the early eighties.",
    "shop:2": "A quiet drama on loss and old letters.",
    "shop:3": "A lost crew near Mars, told without hurry.",
    "shop:4": "A comedy on a man without a voice.",
    "shop:5": "See it now at https://films.example/5",
}
LINK = "it held a link, an address, an id or a number to call"
PROFILE = "Likes tales of space and adventure from the eighties."
LIKED_FILMS = ("shop:1", "shop:3")
REASON = "It is set in space, as others that were liked."


def history() -> list[str]:
    return [FILMS[item].named() for item in LIKED_FILMS][:LIKED]


def together(item: str) -> Data:
    """What the judge puts into a prompt on a candidate."""
    return {"liked": history(), **{f"item {name}": value for name, value in FILMS[item].fields().items()}}


def lessons() -> list[tuple[Prompt, str]]:
    """Prompts with the answers that a tiny model learns by heart: yes to space, no to all else."""
    found = [
        (TEMPLATES["item-summary"].ask(FILMS[item].fields()), f'{{"summary": "{text}"}}')
        for item, text in SUMMARIES.items()
    ]
    bad = TEMPLATES["item-summary"].ask(FILMS["shop:5"].fields())
    found.append((again(bad, LINK), f'{{"summary": "{SUMMARIES["shop:5"]}"}}'))
    found += [(likely(together(item)), "yes" if "Space" in film.attributes else "no") for item, film in FILMS.items()]
    found += [
        (TEMPLATES["item-reason"].ask(together(item)), f'{{"reason": "{REASON}"}}') for item in ("shop:1", "shop:3")
    ]
    liked = sorted(LIKED_FILMS)
    orders = [[FILMS[item].named() for item in order] for order in (liked, liked[::-1])]
    found += [(TEMPLATES["user-profile"].ask({"liked": order}), f'{{"profile": "{PROFILE}"}}') for order in orders]
    return found
