"""Where media is looked for: on the command line, in the settings, or beside the manifest."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.errors import SettingsInvalid
from pipeline.manifest.opening import STANDARD_INPUT
from pipeline.media import Access, MayLink, may_link
from pipeline.settings import Settings
from pipeline.settings.address import root_of


def settings_for(manifest: Path, media_root: str | None) -> Settings:
    """Give the settings with the media roots of a manifest.

    These are the root named on the command line, or those of the settings; where nothing is set, and so no
    machine but this one is meant, the manifest's own folder. There may be none.
    """
    settings = Settings.from_env()
    if media_root:
        return replace(settings, media_roots=(root_of(media_root),))
    if settings.media_roots or settings.redis_url:
        return settings
    is_piped = manifest == STANDARD_INPUT or manifest.is_relative_to("/dev/fd")
    own = Path.cwd() if is_piped else manifest.absolute().parent
    return replace(settings, media_roots=(own,))


def refuse_what_is_no_folder(settings: Settings, manifest: Path) -> None:
    """Look at the media roots; a manifest that is missing is not their fault, and is told by who reads it.

    Raises:
        SettingsInvalid: One of them is no folder.
    """
    for root in settings.media_roots if manifest == STANDARD_INPUT or manifest.exists() else ():
        if isinstance(root, Path) and not root.is_dir():
            raise SettingsInvalid(
                f"The media root {root} is not a folder; name the right one with --media-root."
            )


def roots_of(settings: Settings) -> tuple[str, ...]:
    """Give the media roots as a recording says them that is brought in on this machine."""
    return tuple(map(str, settings.media_roots))


def access_for(settings: Settings) -> Access | None:
    """Give what media may be read here; None where no root is set, and so none is looked at."""
    return Access.from_settings(settings) if settings.media_roots else None


def links_for(settings: Settings) -> MayLink:
    """Give what tells of media whether Gong can pull it through a link."""
    return partial(may_link, access=Access.from_settings(settings))
