"""Media at web servers, of which producers name the addresses: each is checked, and so is where it leads."""

from pipeline.media.sources.https.reading import open_https

__all__ = ["open_https"]
