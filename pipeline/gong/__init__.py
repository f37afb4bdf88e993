"""The API client: one request, one answer.

`client` makes the requests, `transport` sets the HTTP library up for it, `connection` watches the socket
within an `exchange`, `multipart` is the body of an upload, `reading` and `failure` say what came back. What
an answer means is left to `outcome`, when to ask to `limiter`.
"""

from pipeline.gong.client import GongClient
from pipeline.outcome import Answer

__all__ = ["Answer", "GongClient"]
