"""Which value of a setting holds: the environment's, or else the profile's, or else the default.

Invariant: whatever is wrong in the environment and in the profile is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import SettingsInvalid
from pipeline.settings.environment import read_environment, unknown_variables
from pipeline.settings.form import Form
from pipeline.settings.profiles import Profile, chosen_profile, warn

# A key pair, a token and OAuth exclude each other: one in the environment unsets the others of the profile.
EXCLUSIVE = (
    frozenset({"access_key", "access_key_secret"}),
    frozenset({"access_token"}),
    frozenset({"oauth_client_id", "oauth_client_secret", "oauth_refresh_token"}),
)
# What says which company it is.
OF_COMPANY = ("base_url", "access_key", "access_token", "oauth_client_id", "webhook_url")


@dataclass(frozen=True, slots=True)
class Layers:
    """What was read, by setting; what stands in none of them has its default.

    Attributes:
        of_profile: What the profile says or, for what tells companies apart, its name implies.
        implied: Which of these its name implies.
    """

    of_environment: Mapping[str, Any]
    of_profile: Mapping[str, Any]
    implied: frozenset[str]
    profile: Profile | None

    @property
    def values(self) -> dict[str, Any]:
        """Give what holds."""
        return {**self.of_profile, **self.of_environment}

    def origin(self, name: str) -> str:
        """Say where the value of a setting comes from: `environment`, `profile` or `default`."""
        if name in self.of_environment:
            return "environment"
        return "profile" if name in self.of_profile and name not in self.implied else "default"

    def placed(self, sentence: str) -> str:
        """Add to a sentence about variables in which file those stand that the profile sets."""
        keys = [
            name
            for name in self.of_profile
            if self.origin(name) == "profile" and name.upper() in sentence and self.profile
        ]
        if not keys or self.profile is None:
            return sentence
        return f"{sentence} ({self.profile.place(', '.join(keys))})"


def read_layers(forms: Mapping[str, Form], implied_by: Callable[[str], Mapping[str, Any]]) -> Layers:
    """Read the environment and the profile that it chooses.

    Args:
        forms: How each setting is written.
        implied_by: Gives, for the name of a profile, what it has where it says nothing itself.

    Raises:
        SettingsInvalid: With everything that is wrong in them.
    """
    unknown = unknown_variables([form.variable for form in forms.values()])
    of_environment, wrong_variables = read_environment(forms)
    profile = chosen_profile()
    of_profile, wrong_keys = profile.read(forms) if profile else ({}, [])
    if problems := [*unknown, *wrong_variables, *wrong_keys]:
        raise SettingsInvalid(" ".join(problems))
    implied = implied_by(profile.name) if profile else {}
    if profile:
        _warn_of_company(profile, of_profile, of_environment, forms)
    for group in EXCLUSIVE:
        # A secret that is an empty file, as of a container that has none, is none.
        if any(of_environment.get(name) for name in group):
            others = frozenset().union(*EXCLUSIVE) - group
            of_profile = {name: value for name, value in of_profile.items() if name not in others}
    return Layers(
        of_environment, {**implied, **of_profile}, frozenset(implied.keys() - of_profile.keys()), profile
    )


def _warn_of_company(
    profile: Profile,
    of_profile: Mapping[str, Any],
    of_environment: Mapping[str, Any],
    forms: Mapping[str, Form],
) -> None:
    """Tell of a variable left over from one company that would send another one's recordings there."""
    for name in OF_COMPANY:
        if name in of_profile and of_environment.get(name, of_profile[name]) != of_profile[name]:
            warn(f"{forms[name].variable} in the environment wins over {profile.place(name)}.")
