"""What must hold of settings: each rule alone, and those that bind several to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.settings.address import (
    API_ADDRESS,
    MEDIA_ADDRESS,
    is_api_address,
    is_media_address,
    is_zone,
    parts_of,
    scheme_of,
)
from pipeline.settings.azure import rules_of_azure
from pipeline.settings.environment import PREFIX
from pipeline.settings.form import text_of
from pipeline.settings.headers import HEADERS, problem_of_headers
from pipeline.settings.instant import is_instant
from pipeline.settings.oauth import rules_of_oauth
from pipeline.settings.server import rules_of_server
from pipeline.settings.webhook import rules_of_events

if TYPE_CHECKING:
    from pipeline.settings.model import Settings

# A heartbeat looks every half second, and a renewal may have to be sent twice.
LEASE_MIN_S, HOUR_S, DAY_S = 2, 3600, 86_400


def rules_of(settings: Settings) -> list[tuple[bool, str]]:
    """List what must hold, each with the sentence for when it does not."""
    return [
        *_rules_of_credentials(settings),
        *_rules_of_limits(settings),
        *rules_of_server(
            settings.redis_url or "",
            (settings.redis_ca, settings.redis_certificate, settings.redis_certificate_key),
            sentinel_password=settings.redis_sentinel_password,
        ),
        (
            bool(settings.namespace) and settings.namespace.replace("-", "").replace("_", "").isalnum(),
            f"{PREFIX}NAMESPACE may hold letters, digits, '-' and '_' only.",
        ),
        *_rules_of_media(settings),
        *rules_of_events(settings.webhook_url, settings.webhook_secret, settings.events_kept),
        (
            settings.log_level in {"DEBUG", "INFO", "WARNING", "ERROR"},
            f"{PREFIX}LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.",
        ),
        *_rules_of_metrics(settings),
        (settings.log_format in {"text", "json"}, f"{PREFIX}LOG_FORMAT must be text or json."),
        (1 <= settings.concurrency <= 256, f"{PREFIX}CONCURRENCY must be between 1 and 256."),
        *_rules_of_time(settings),
        (settings.attempts_max >= 1, f"{PREFIX}ATTEMPTS_MAX must be at least 1."),
        (settings.api_backlog_max >= 1, f"{PREFIX}API_BACKLOG_MAX must be at least 1."),
        (settings.failures_to_close >= 1, f"{PREFIX}FAILURES_TO_CLOSE must be at least 1."),
    ]


def _rules_of_time(settings: Settings) -> list[tuple[bool, str]]:
    return [
        (
            LEASE_MIN_S <= settings.lease_ttl_s <= HOUR_S,
            f"{PREFIX}LEASE_TTL_S must be between 2, for a heartbeat in time, and 3600, an hour.",
        ),
        (
            0 < settings.backoff_base_s <= settings.backoff_cap_s,
            f"{PREFIX}BACKOFF_BASE_S must be above 0 and at most {PREFIX}BACKOFF_CAP_S.",
        ),
        (settings.backoff_cap_s <= DAY_S, f"{PREFIX}BACKOFF_CAP_S must be at most 86400, a day."),
        (
            0 <= settings.stop_grace_s <= DAY_S,
            f"{PREFIX}STOP_GRACE_S must not be negative, and be at most 86400, a day.",
        ),
        (
            0 < settings.connect_timeout_s <= settings.read_timeout_s <= settings.request_deadline_s,
            f"{PREFIX}CONNECT_TIMEOUT_S, READ_TIMEOUT_S, REQUEST_DEADLINE_S must not shrink so.",
        ),
    ]


def _rules_of_metrics(settings: Settings) -> list[tuple[bool, str]]:
    return [
        (0 <= settings.metrics_port <= 65_535, f"{PREFIX}METRICS_PORT must be between 0 and 65535."),
        (
            settings.done_by is None or is_instant(settings.done_by),
            f"{PREFIX}DONE_BY must be a date like 2027-01-31, or a time like 2027-01-31T18:00+01:00.",
        ),
    ]


def _rules_of_media(settings: Settings) -> list[tuple[bool, str]]:
    addresses = [root for root in settings.media_roots if isinstance(root, str)]
    return [
        (
            all(map(is_media_address, addresses)),
            f"An address in {PREFIX}MEDIA_ROOTS must be {MEDIA_ADDRESS}.",
        ),
        (
            not all(map(is_media_address, addresses))
            or parts_of(text_of("path_list", settings.media_roots)) == [*map(str, settings.media_roots)],
            f"{PREFIX}MEDIA_ROOTS must be folders and addresses without ':' in their paths.",
        ),
        (
            not (problem := problem_of_headers(settings.media_headers or "")),
            f"{PREFIX}MEDIA_HEADERS must be {HEADERS}; {problem}.",
        ),
        # Its variables may be there for other programs.
        *(
            rules_of_azure(
                connection=settings.azure_storage_connection_string,
                account=settings.azure_storage_account,
                key=settings.azure_storage_key,
                endpoint=settings.azure_storage_service_endpoint,
            )
            if any(scheme_of(root) == "az" for root in addresses)
            else ()
        ),
        (
            HOUR_S <= settings.link_lifetime_s <= 7 * DAY_S,
            f"{PREFIX}LINK_LIFETIME_S must be between 3600, an hour, and 604800, the 7 days of S3.",
        ),
    ]


def _rules_of_credentials(settings: Settings) -> list[tuple[bool, str]]:
    return [
        (
            bool(settings.access_key) == bool(settings.access_key_secret),
            "GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET go together: set both.",
        ),
        (
            not (settings.access_key and settings.access_token),
            "GONG_ACCESS_KEY and GONG_ACCESS_TOKEN exclude each other: set one of them.",
        ),
        (
            not (settings.oauth_client_id and (settings.access_key or settings.access_token)),
            "GONG_OAUTH_CLIENT_ID excludes GONG_ACCESS_KEY and GONG_ACCESS_TOKEN: set one of them.",
        ),
        *rules_of_oauth(
            client_id=settings.oauth_client_id,
            client_secret=settings.oauth_client_secret,
            refresh_token=settings.oauth_refresh_token,
            token_url=settings.oauth_token_url,
            store_key=settings.store_key,
        ),
        (
            settings.base_url is None or is_api_address(settings.base_url),
            f"GONG_BASE_URL must be {API_ADDRESS}.",
        ),
    ]


def _rules_of_limits(settings: Settings) -> list[tuple[bool, str]]:
    return [
        (
            0 < settings.requests_per_second <= 10_000,
            f"{PREFIX}REQUESTS_PER_SECOND must be above 0 and at most 10000.",
        ),
        (settings.requests_per_day >= 1, f"{PREFIX}REQUESTS_PER_DAY must be at least 1."),
        (0 <= settings.rate_margin <= 0.1, f"{PREFIX}RATE_MARGIN must be between 0 and 0.1."),
        (1 <= settings.burst <= 100, f"{PREFIX}BURST must be between 1 and 100."),
        (0 <= settings.live_share <= 0.9, f"{PREFIX}LIVE_SHARE must be between 0 and 0.9."),
        (
            settings.day_window == "rolling" or is_zone(settings.day_window),
            f"{PREFIX}DAY_WINDOW must be rolling or the name of a time zone, like America/New_York.",
        ),
        (settings.upload_bytes_per_s_min >= 1, f"{PREFIX}UPLOAD_BYTES_PER_S_MIN must be at least 1."),
        (1 <= settings.upload_window_s <= HOUR_S, f"{PREFIX}UPLOAD_WINDOW_S must be between 1 and {HOUR_S}."),
    ]
