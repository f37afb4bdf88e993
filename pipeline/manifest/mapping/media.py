"""Paths of media: from what an export says of a recording to a path below the media root.

Invariant: only what the map asks for is changed, in this order: backslashes become slashes, the beginning
that the map names is removed, the folder goes before, the ending goes after.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.call import nearest_field

# Endings that a recording can have; a name that has one of them is left as it is.
_ENDINGS = frozenset(
    [
        "wav",
        "mp3",
        "mp4",
        "m4a",
        "mkv",
        "flac",
        "ogg",
        "oga",
        "opus",
        "webm",
        "mov",
        "avi",
        "aac",
        "aif",
        "aiff",
        "amr",
        "awb",
        "au",
        "wma",
        "wmv",
        "3gp",
        "ts",
        "mpg",
        "mpeg",
    ]
)


@dataclass(frozen=True, slots=True)
class MediaPath:
    """The rule for a path.

    Attributes:
        folder: What goes before it.
        extension: The ending of a name that has no ending of media.
        remove_prefix: A beginning that every path of the export has and the media root does not.
        windows_paths: Whether the export has backslashes between folders.
    """

    folder: str = ""
    extension: str = ""
    remove_prefix: str = ""
    windows_paths: bool = False

    def of(self, text: str) -> str:
        """Return the path that a text of the export means.

        Raises:
            ValueError: It does not begin with what is to be removed.
        """
        path, prefix = text, self.remove_prefix
        if self.windows_paths:
            path, prefix = path.replace("\\", "/"), prefix.replace("\\", "/")
        begins = path[: len(prefix)]
        if begins != prefix and not (self.windows_paths and begins.casefold() == prefix.casefold()):
            raise ValueError(f"does not begin with {self.remove_prefix!r}, which remove_prefix says")
        path = path[len(prefix) :]
        if self.folder:
            path = f"{self.folder.rstrip('/')}/{path.lstrip('/')}"
        if self.extension and not has_ending(path):
            path = f"{path}.{self.extension.lstrip('.')}"
        return path


def has_ending(path: str) -> bool:
    """Tell whether a path has an ending of media."""
    name, dot, ending = path.rpartition(".")
    return bool(name and dot) and ending.casefold() in _ENDINGS


def problem_of_extension(extension: str) -> str | None:
    """Return why an extension is none of media, or None if it is one."""
    ending = extension.lstrip(".").casefold()
    if ending in _ENDINGS:
        return None
    nearest = nearest_field(ending, _ENDINGS)
    return f"{extension!r} is no ending of a recording" + (f"; is {nearest!r} meant?" if nearest else "")
