"""Media of recordings: where it may lie (`access`, `sources`), what it is (`probe`, `kind`), and its stream.

What is opened is what is probed, hashed and sent. Requests to the API are left to `gong`.
"""

from pipeline.media.access import Access
from pipeline.media.ahead import BLOCK_MAX_BYTES
from pipeline.media.patience import answer_of
from pipeline.media.probe import MAX_MEDIA_BYTES, Media, open_media, probe
from pipeline.media.source import shown
from pipeline.media.sources import MayLink, may_link, not_linked, sign_link
from pipeline.media.stream import MediaStream

__all__ = [
    "BLOCK_MAX_BYTES",
    "MAX_MEDIA_BYTES",
    "Access",
    "MayLink",
    "Media",
    "MediaStream",
    "answer_of",
    "may_link",
    "not_linked",
    "open_media",
    "probe",
    "shown",
    "sign_link",
]
