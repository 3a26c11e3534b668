"""Private properties of a home: which they are, and with which key they are kept (`serving.private_rotation` replaces
it)."""

from __future__ import annotations

from graph.errors import InvalidData
from graph.private import MAKE, Cipher, KeyFile
from serving.policy import names_of
from serving.settings import Settings


def cipher_of(settings: Settings) -> Cipher | None:
    """As the settings say; None where no property is private. Raises `InvalidData` for properties without a key file,
    `NotFound` for a file that is not there.
    """
    names = names_of(settings.private_properties)
    if not names:
        return None
    cipher = Cipher(key_file(settings), names)
    cipher.keys.keys()
    return cipher


def key_file(settings: Settings) -> KeyFile:
    """Raises `InvalidData` where the settings name none."""
    if settings.private_key_file is None:
        raise InvalidData("private properties without a key", valid="a file outside of the store and the home",
                          remedy=f"set INTERLACE_PRIVATE_KEY_FILE to a path, then {MAKE}")  # fmt: skip
    return KeyFile(settings.private_key_file)
