"""Media of recordings: where it may lie (`local`), what it is (`probe`, `kind`), and the stream that is sent.

What is opened is what is probed, hashed and sent. Requests to the API are left to `gong`.
"""

from pipeline.media.probe import MAX_MEDIA_BYTES, Media, open_media, probe
from pipeline.media.stream import BLOCK_MAX_BYTES, MediaStream

__all__ = ["BLOCK_MAX_BYTES", "MAX_MEDIA_BYTES", "Media", "MediaStream", "open_media", "probe"]
