"""The settings of one process: each with its unit and default, read from the environment and a profile."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pipeline.errors import SettingsInvalid
from pipeline.settings.data_dir import default_data_dir
from pipeline.settings.environment import PREFIX
from pipeline.settings.form import Form, described
from pipeline.settings.form import setting as _setting
from pipeline.settings.layers import Layers, read_layers
from pipeline.settings.oauth import (
    KEYS_FORM,
    PAIR,
    SECRETS_OF_OAUTH,
    TOKEN_URL,
    WITHOUT_STORE_KEY,
    OAuth,
    keys_of,
)
from pipeline.settings.rules import rules_of
from pipeline.settings.secret import (
    Credentials,
    SecretSource,
    read_secret,
)
from pipeline.settings.webhook import EVENTS_OF_WEBHOOK, FORM, PAIR_OF_WEBHOOK, key_of

# Secrets that are read by `require_credentials`, `oauth` and `webhook_key`.
LAZY = frozenset({*Credentials.__annotations__, *SECRETS_OF_OAUTH, "webhook_secret"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process, checked against each other when they are made.

    Raises:
        SettingsInvalid: A value is out of its bounds, or two of them contradict each other.
    """

    base_url: str | None = _setting(
        None, "address of the API, shown on Gong's page of API keys", name="GONG_BASE_URL"
    )
    access_key: str | SecretSource | None = _setting(
        None, "access key of the API", name="GONG_ACCESS_KEY", secret=True
    )
    access_key_secret: str | SecretSource | None = _setting(
        None, "secret that belongs to the access key", name="GONG_ACCESS_KEY_SECRET", secret=True
    )
    access_token: str | SecretSource | None = _setting(
        None, "OAuth access token, instead of a key and its secret", name="GONG_ACCESS_TOKEN", secret=True
    )
    oauth_client_id: str | None = _setting(
        None, "OAuth client that the company authorized, instead of a key", name="GONG_OAUTH_CLIENT_ID"
    )
    oauth_client_secret: str | SecretSource | None = _setting(
        None, "secret that belongs to the OAuth client", name="GONG_OAUTH_CLIENT_SECRET", secret=True
    )
    oauth_refresh_token: str | SecretSource | None = _setting(
        None,
        "refresh token to begin with, used once; or store one by `gong-ingest authorize`",
        name="GONG_OAUTH_REFRESH_TOKEN",
        secret=True,
    )
    oauth_token_url: str = _setting(TOKEN_URL, "address that gives OAuth tokens", name="GONG_OAUTH_TOKEN_URL")
    store_key: str | SecretSource | None = _setting(
        None, "seals OAuth tokens in Redis: 32 random bytes in base64, or several such keys", secret=True
    )
    redis_url: str | None = _setting(
        None, "server of the ledger and the broker; without it one is started in DATA_DIR", secret=True
    )
    redis_ca: Path | None = _setting(
        None,
        "file with the authority of the server's certificate, if the system does not know it",
        parse="path_value",
    )
    redis_certificate: Path | None = _setting(
        None, "file with the certificate that the server asks for, if it does", parse="path_value"
    )
    redis_certificate_key: Path | None = _setting(
        None, "file with that certificate's key, if it is another one", parse="path_value"
    )
    redis_sentinel_password: str | None = _setting(
        None, "what the Sentinels ask for; the server's own is in REDIS_URL", secret=True
    )
    namespace: str = _setting("gong-ingest", "what every key in Redis starts with")
    data_dir: Path = field(
        default_factory=default_data_dir,
        metadata=described("folder of the embedded server and of the logs", "path_value"),
    )
    media_roots: tuple[Path | str, ...] = _setting(
        (),
        "folders and addresses (s3://bucket/prefix) below which media may lie, separated by colons",
        parse="path_list",
    )
    media_headers: str | None = _setting(
        None,
        "sent to web servers of media, a line for each: pbx.example.com Authorization: Bearer abc",
        secret=True,
    )
    sftp_password: str | None = _setting(None, "for SFTP servers that take no key", secret=True)
    azure_storage_connection_string: str | None = _setting(
        None,
        "of the account in Azure Blob Storage, with its key or a SAS token",
        name="AZURE_STORAGE_CONNECTION_STRING",
        secret=True,
    )
    azure_storage_account: str | None = _setting(
        None, "account in Azure Blob Storage, without a connection string", name="AZURE_STORAGE_ACCOUNT"
    )
    azure_storage_key: str | None = _setting(
        None,
        "key of that account; without it whoever azure-identity finds",
        name="AZURE_STORAGE_KEY",
        secret=True,
    )
    azure_storage_service_endpoint: str | None = _setting(
        None, "address of that account, if it is not Azure's own", name="AZURE_STORAGE_SERVICE_ENDPOINT"
    )
    link_lifetime_s: float = _setting(86_400.0, "for which Gong may use a signed address", parse="float")
    webhook_url: str | None = _setting(
        None, "address that is told of each done or dead recording and each finished batch"
    )
    webhook_secret: str | SecretSource | None = _setting(
        None, "signs what WEBHOOK_URL is told: whsec_ and 24 to 64 random bytes in base64", secret=True
    )
    events_kept: int = _setting(
        0,
        "events that stay in the stream for other readers; 0 for none, 100000 with WEBHOOK_URL",
        parse="int",
    )
    concurrency: int = _setting(4, "processes of a worker for each of its queues", parse="int")
    requests_per_second: float = _setting(3.0, "the API's limit for the company", parse="float")
    requests_per_day: int = _setting(10_000, "the API's limit for the company", parse="int")
    day_window: str = _setting(
        "rolling", "the API's day: rolling, or the time zone at whose midnight it begins"
    )
    rate_margin: float = _setting(0.01, "share of the allowed rate that is left unused", parse="float")
    burst: int = _setting(1, "requests that may leave at once after a pause", parse="int")
    live_share: float = _setting(0.1, "share of the day's budget kept for the live lane", parse="float")
    connect_timeout_s: float = _setting(10.0, "for the connection to the API", parse="float")
    read_timeout_s: float = _setting(
        60.0,
        "for each silence of the API or of a source of media; after an upload 1 s longer for each 10 MB",
        parse="float",
    )
    request_deadline_s: float = _setting(
        90.0, "for a whole request, beside its upload's bytes", parse="float"
    )
    upload_bytes_per_s_min: int = _setting(100_000, "slower uploads are given up", parse="int")
    upload_window_s: float = _setting(60.0, "over which the speed of an upload is taken", parse="float")
    lease_ttl_s: float = _setting(30.0, "after which a silent worker's job is claimed again", parse="float")
    attempts_max: int = _setting(20, "failed attempts after which a job is dead", parse="int")
    backoff_base_s: float = _setting(1.0, "bound of the first wait after a failure", parse="float")
    backoff_cap_s: float = _setting(300.0, "bound of every wait after a failure", parse="float")
    stop_grace_s: float = _setting(20.0, "a stopping worker hands back what takes longer", parse="float")
    failures_to_close: int = _setting(5, "failures in a row that close the gate", parse="int")
    metrics_port: int = _setting(0, "on which a worker tells Prometheus its metrics; 0 for none", parse="int")
    metrics_address: str = _setting("127.0.0.1", "on which it does; whoever reaches it may read them")
    done_by: str | None = _setting(None, "date by which everything is to be in: 2027-01-31; for alerts")
    api_tokens: Path | None = _setting(
        None, "file of the API's tokens; api-tokens.json in DATA_DIR when left out", parse="path_value"
    )
    api_uploads: Path | None = _setting(
        None, "folder below a media root, for media that the API is given", parse="path_value"
    )
    api_backlog_max: int = _setting(
        100_000, "waiting recordings of a lane above which the API takes no more of it", parse="int"
    )
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    log_format: str = _setting("text", "text for people, or json: a line of JSON each")

    def __post_init__(self) -> None:
        problems = [sentence for holds, sentence in rules_of(self) if not holds]
        if problems:
            raise SettingsInvalid(" ".join(problems))

    @classmethod
    def from_env(cls, **overrides: Any) -> Settings:
        """Read the settings from the environment and the profile it names; keyword arguments win over both.

        Raises:
            SettingsInvalid: A setting is unknown, has the wrong form, or contradicts another.
        """
        layers = cls.layers()
        values = layers.values | overrides
        # These are read by those who need them; all else may be needed at once.
        for name in values.keys() - LAZY:
            values[name] = read_secret(values[name])
        try:
            return cls(**values)
        except SettingsInvalid as error:
            raise SettingsInvalid(layers.placed(str(error))) from None

    @classmethod
    def layers(cls) -> Layers:
        """Read where each setting comes from; no secret that lies elsewhere is read.

        Raises:
            SettingsInvalid: A setting is unknown or has the wrong form.
        """
        return read_layers(cls.forms(), _implied_by)

    @classmethod
    def forms(cls) -> dict[str, Form]:
        """Say how each setting is written."""
        return {
            setting.name: Form(variable_of(setting.name), setting.metadata["parse"], not setting.repr)
            for setting in fields(cls)
        }

    def require_credentials(self) -> Credentials:
        """Check that the API can be called at all, and read the credentials for it.

        Raises:
            SettingsInvalid: The address or the credentials are missing, or a secret cannot be read.
        """
        missing = []
        by_oauth = self.oauth() is not None
        if not self.base_url and not by_oauth:
            missing.append("GONG_BASE_URL (the address on Gong's page of API keys)")
        if not self.access_token and not self.access_key and not by_oauth:
            missing.append("GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET (or GONG_ACCESS_TOKEN)")
        if missing:
            raise SettingsInvalid(
                f"Not set: {'; '.join(missing)}. Set them in the environment, or in a profile "
                "(gong-ingest profiles --help)."
            )
        return Credentials(
            access_key=read_secret(self.access_key),
            access_key_secret=read_secret(self.access_key_secret),
            access_token=read_secret(self.access_token),
        )

    def oauth(self) -> OAuth | None:
        """Read what OAuth needs; None where the API is asked with a key or a token of one's own.

        Raises:
            SettingsInvalid: A secret is missing or cannot be read, or the keys that seal are none.
        """
        if not self.oauth_client_id:
            return None
        if not self.oauth_client_secret:
            raise SettingsInvalid(PAIR)
        if not self.store_key:
            raise SettingsInvalid(WITHOUT_STORE_KEY)
        keys = keys_of(read_secret(self.store_key) or "")
        if not keys:
            raise SettingsInvalid(f"{PREFIX}STORE_KEY must be {KEYS_FORM}.")
        return OAuth(
            token_url=self.oauth_token_url,
            client_id=self.oauth_client_id,
            client_secret=read_secret(self.oauth_client_secret) or "",
            refresh_token=read_secret(self.oauth_refresh_token) or None,
            store_keys=keys,
        )

    @property
    def events_wanted(self) -> int:
        """About how many events stay in the stream; 0 if nobody wants any."""
        return self.events_kept or (EVENTS_OF_WEBHOOK if self.webhook_url else 0)

    def webhook_key(self) -> bytes:
        """Read the key that signs what the webhook is told.

        Raises:
            SettingsInvalid: There is none, or its secret cannot be read.
        """
        if not self.webhook_secret:
            raise SettingsInvalid(PAIR_OF_WEBHOOK)
        if key := key_of(read_secret(self.webhook_secret) or ""):
            return key
        raise SettingsInvalid(f"{PREFIX}WEBHOOK_SECRET must be {FORM}.")


def variable_of(name: str) -> str:
    """Give the environment variable of a setting by the name of its field."""
    for setting in fields(Settings):
        if setting.name == name:
            return str(setting.metadata["name"] or PREFIX + name.upper())
    raise KeyError(name)


def _implied_by(profile: str) -> dict[str, Any]:
    """Give each profile a ledger of its own: two companies share neither jobs nor limits by accident."""
    return {
        "namespace": f"{Settings.__dataclass_fields__['namespace'].default}-{profile}",
        "data_dir": default_data_dir() / "profiles" / profile,
    }
