"""The API client: one request, one answer.

`client` makes the requests, `authorization` is what they are made with, `transport` sets the HTTP library up
for it, `connection` watches the socket within an `exchange`, `multipart` is the body of an upload, `incoming`
the answer on its way, `reading` and `failure` say what came back. What an answer means is left to `outcome`,
when to ask to `limiter`.
"""

from pipeline.gong.authorization import Authorization, Given
from pipeline.gong.client import GongClient
from pipeline.outcome import Answer

__all__ = ["Answer", "Authorization", "Given", "GongClient"]
