"""The licences of what this needs to run, in `ops/supply/licences.toml`, and what packages say of themselves.

Invariant: the file alone says what a licence is, so that a bill of materials made from it is the same
everywhere; a test holds it to the packages that are installed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from email.message import Message
from importlib import metadata
from typing import NamedTuple

from license_expression import ExpressionError, Licensing, get_spdx_licensing

from tests.supply.locks import TREE

FILE = TREE / "ops" / "supply" / "licences.toml"
SPDX: Licensing = get_spdx_licensing()
# What packages say that do not say it in SPDX's words, and what that may mean.
WORDS: Mapping[str, frozenset[str]] = {
    "apache 2.0": frozenset({"Apache-2.0"}),
    "apache license 2.0": frozenset({"Apache-2.0"}),
    "apache software license": frozenset({"Apache-2.0"}),
    "bsd": frozenset({"BSD-2-Clause", "BSD-3-Clause"}),
    "bsd license": frozenset({"BSD-2-Clause", "BSD-3-Clause"}),
    "new bsd": frozenset({"BSD-3-Clause"}),
    "3-clause bsd license": frozenset({"BSD-3-Clause"}),
    "mit license": frozenset({"MIT"}),
    "mozilla public license 2.0 (mpl 2.0)": frozenset({"MPL-2.0"}),
}


class Licences(NamedTuple):
    """What the file says.

    Attributes:
        allowed: Licences that anything may have.
        excepted: Packages that may have another one, and which.
        packages: The licence of each package, as an expression of SPDX.
    """

    allowed: frozenset[str]
    excepted: Mapping[str, str]
    packages: Mapping[str, str]


def read_licences(text: str) -> Licences:
    """Read the file."""
    document = tomllib.loads(text)
    return Licences(frozenset(document["allowed"]), document["excepted"], document["packages"])


def refusal(package: str, expression: str, licences: Licences) -> str:
    """Say why a package may not be used under its licence; '' if it may.

    Of a choice ('OR') one part must be allowed, of what holds together ('AND') every one.
    """
    excepted = licences.excepted.get(package)
    allowed = licences.allowed | ({excepted} if excepted else set())
    try:
        parsed = SPDX.parse(expression, validate=True, strict=True)
    except ExpressionError as error:
        return f"{package}: {expression!r} is no expression of SPDX: {error}"
    # Each symbol is true if it is allowed; what is left says whether the whole is.
    values = {symbol: SPDX.TRUE if str(symbol) in allowed else SPDX.FALSE for symbol in parsed.symbols}
    if parsed.subs(values).simplify() is SPDX.TRUE:
        return ""
    return f"{package}: {expression} is not among the licences that are allowed"


def installed(package: str) -> Message | None:
    """Give what an installed package says of itself; None if it is not installed."""
    try:
        return metadata.metadata(package)  # type: ignore[return-value]  # so at run time
    except metadata.PackageNotFoundError:
        return None


def contradiction(package: str, expression: str, told: Message) -> str:
    """Say where a package says another licence of itself than the file does; '' if it agrees.

    The file may say more: what is bundled, or which of the BSD licences it is.
    """
    listed = {str(key) for key in SPDX.license_keys(expression)}
    if own := told.get("License-Expression"):
        keys = {str(key) for key in SPDX.license_keys(own)}
        return "" if keys <= listed else f"{package}: {expression} is listed, and it says {own}"
    words = [word for word in _words(told) if word in WORDS or SPDX.validate(word).errors == []]
    if not words:
        return f"{package}: it says no licence that is known ({', '.join(_words(told)) or 'nothing at all'})"
    for word in words:
        meant = WORDS.get(word) or {str(key) for key in SPDX.license_keys(word)}
        if not meant & listed:
            return f"{package}: {expression} is listed, and it says {word!r}"
    return ""


def _words(told: Message) -> list[str]:
    """Give what it says in the old fields, without whole texts of licences."""
    classifiers = (
        line.rpartition(" :: ")[2] for line in told.get_all("Classifier", ()) if line.startswith("License ::")
    )
    field = (told.get("License") or "").strip()
    return [word.lower() for word in ([field] if field and "\n" not in field else [])] + [
        word.lower() for word in classifiers
    ]
