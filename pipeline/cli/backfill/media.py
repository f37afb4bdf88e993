"""The look at a row's media, where it is on this machine."""

from __future__ import annotations

from rich.console import Console

from pipeline.cli.backfill.tally import say
from pipeline.errors import MediaUnavailable
from pipeline.media import Access, probe


class MediaLook:
    """Looks at media, and says once that it cannot be reached: it may be true of a million rows.

    Args:
        access: What may be read, and with what.
        console: Where to say so.
        tells: Whether it is to be said; the preflight says it as well.
    """

    def __init__(self, access: Access, console: Console, *, tells: bool) -> None:
        self._access = access
        self._console = console
        self._tells = tells

    def __call__(self, reference: str) -> None:
        """Look at media.

        Raises:
            MediaRefused: It cannot be sent.
            MediaUnavailable: It cannot be told now.
        """
        try:
            probe(reference, self._access)
        except MediaUnavailable as unavailable:
            if self._tells:
                sentence = f"{unavailable} Recordings wait until their media can be read."
                say(self._console, sentence, style="yellow")
            self._tells = False
            raise
