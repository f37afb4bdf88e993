"""Every setting with its unit and default; the only reader of the environment and of profiles.

Invariants: a `Settings` object is frozen and has been checked as a whole, so nobody below checks it again.
Command options win over the environment, the environment over the profile that it names (`profiles.py`).
Unknown names are refused, since a misspelt limit would otherwise pass unseen. Every setting may be given as
`NAME_FILE`, the path of a file that holds it. Secrets of a profile that lie elsewhere are read when they are
needed, those of the API by `require_credentials`. A program that is started from here gets every setting by
its environment, and reads no profile: `environment_of`.
"""

from __future__ import annotations

from pipeline.settings.access import Access
from pipeline.settings.handing_on import credentials_anew, environment_of
from pipeline.settings.layers import Layers
from pipeline.settings.model import Settings, variable_of
from pipeline.settings.oauth import OAuth
from pipeline.settings.secret import Credentials, SecretSource

__all__ = [
    "Access",
    "Credentials",
    "Layers",
    "OAuth",
    "SecretSource",
    "Settings",
    "credentials_anew",
    "environment_of",
    "variable_of",
]
