"""Settings for a program that is started from here, and credentials that are read again."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

from pipeline.settings.anew import COMMAND_SUFFIX, handed_on, sources_of
from pipeline.settings.environment import CONFIG, FILE_SUFFIX, PROFILE
from pipeline.settings.form import text_of
from pipeline.settings.model import Settings, variable_of
from pipeline.settings.oauth import SECRETS_OF_OAUTH
from pipeline.settings.secret import (
    MEDIA_SECRETS,
    Credentials,
    forget_printed,
    read_secret,
)

# Beside the API's credentials, what a program has no use for that does not bring recordings in.
WITHHELD = ("oauth_client_id", *SECRETS_OF_OAUTH, *MEDIA_SECRETS, "webhook_url", "webhook_secret")


def environment_of(settings: Settings, *, credentials: bool) -> dict[str, str]:
    """Give this process's environment with exactly these settings, for a program started from here.

    It reads no profile, so it has these settings whatever becomes of the file meanwhile, and asks nobody for
    a secret again. Without `credentials` it has none of the API's, and none for places of media.

    Raises:
        SettingsInvalid: A credential is missing or cannot be read.
    """
    variables = {variable_of(setting.name) for setting in fields(settings)}
    environment = {
        name: text
        for name, text in os.environ.items()
        if name.removesuffix(FILE_SUFFIX).removesuffix(COMMAND_SUFFIX) not in variables and name != PROFILE
    }
    environment[CONFIG] = os.devnull
    values = {setting.name: getattr(settings, setting.name) for setting in fields(settings)}
    withheld = dict.fromkeys((*Credentials.__annotations__, *WITHHELD))
    values |= _secrets_of(settings) if credentials else withheld
    for name, form in settings.forms().items():
        if values[name] in (None, ()):
            continue
        if name in Credentials.__annotations__:
            environment |= handed_on(form.variable, getattr(settings, name), values[name])
        else:
            environment[form.variable] = text_of(form.parse, values[name])
    return environment


def credentials_anew() -> Credentials:
    """Read the credentials of the API again, where they lie: what was read before is refused.

    Raises:
        SettingsInvalid: They cannot be read, or something else of the settings is wrong now.
    """
    forget_printed()
    variables = {name: variable_of(name) for name in Credentials.__annotations__}
    return Settings.from_env(**sources_of(variables)).require_credentials()


def _secrets_of(settings: Settings) -> dict[str, Any]:
    others = {name: read_secret(getattr(settings, name)) for name in (*SECRETS_OF_OAUTH, "webhook_secret")}
    return {**settings.require_credentials(), **others}
