"""What the API is asked with: a key pair or token of the settings, or OAuth tokens that the fleet shares.

An OAuth access token lasts a day and is refreshed before its end. Its refresh token may be used once: two
processes that use it at once lock the company out, and so does an answer that is lost. Hence the protocol of
`shared` and `refresh`: one process at a time, under a lock in the ledger; what it is given is sealed, written
to the disk, then to the ledger, and only then used. What can still be lost, and what then: docs/oauth.md.
"""

from pipeline.authorization.authorize import adopt_code, adopt_refresh_token
from pipeline.authorization.clients import authorization_of, client_of, reach

__all__ = ["adopt_code", "adopt_refresh_token", "authorization_of", "client_of", "reach"]
