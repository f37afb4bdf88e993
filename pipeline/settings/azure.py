"""What an account of Azure Blob Storage has to be named by; the names are those of Azure's own programs.

A connection string counts before all else, as it does for them.
"""

from __future__ import annotations

from pipeline.settings.address import is_api_address


def rules_of_azure(
    *, connection: str | None, account: str | None, key: str | None, endpoint: str | None
) -> list[tuple[bool, str]]:
    """List what must hold, each with the sentence for when it does not."""
    return [
        (
            not connection or _is_connection(connection),
            (
                "AZURE_STORAGE_CONNECTION_STRING must be as Azure's portal shows it, like "
                "AccountName=calls;AccountKey=..., or BlobEndpoint=https://...;SharedAccessSignature=..."
            ),
        ),
        (
            bool(connection or account) or not (key or endpoint),
            (
                "AZURE_STORAGE_KEY and AZURE_STORAGE_SERVICE_ENDPOINT are those of an account: "
                "set AZURE_STORAGE_ACCOUNT."
            ),
        ),
        (
            not endpoint or is_api_address(endpoint),
            (
                "AZURE_STORAGE_SERVICE_ENDPOINT must be like https://calls.blob.core.windows.net "
                "(http:// only for this machine)."
            ),
        ),
    ]


def _is_connection(text: str) -> bool:
    """Tell whether it is a connection string by which an account can be found."""
    parts = [part.partition("=") for part in text.strip().rstrip(";").split(";")]
    names = {name.lower() for name, _, value in parts if value}
    is_found = {"accountname", "accountkey"} <= names or "blobendpoint" in names
    return is_found and len(names) == len(parts)
