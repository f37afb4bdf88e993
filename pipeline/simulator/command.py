"""The command that runs a simulator; `gong-ingest simulator` mounts the same one.

Output is a contract: one line on stdout once it listens, `simulator listening on http://HOST:PORT`, or with
`--json` an object with `address` and `pid`. Exit codes: 0 after SIGTERM or SIGINT, 2 when it cannot be
started as asked, with a sentence on stderr.
"""

from __future__ import annotations

import functools
import json
import os
import re

import click

from pipeline.simulator.options import POLICIES, SimulatorOptions, SimulatorRefused

DEFAULT = SimulatorOptions()
EXAMPLE = """\b
Example: a third of the default rate, with answers that get lost and a key that stops working for ten seconds:
  gong-ingest simulator --port 8080 --requests-per-second 1 --faults lost=0.2,401@30-40
\b
Faults: [ENDPOINT.]KIND[=SHARE][:LOW-HIGH][@FROM-[TO]], separated by commas.
  KIND      429, 401, 500 before any effect; reset (connection reset before any effect);
            504, lost (no answer), cut (half an answer) after the effect; slow
  ENDPOINT  create, media, calls, call, users, user, workspaces, token
  SHARE     of the requests, 0 to 1; all when left out
  LOW-HIGH  seconds: of delay for slow, of Retry-After for 429
  FROM-TO   seconds since the start
OAuth tokens: POST /oauth2/generate-customer-token
Health, record and faults of the running simulator: GET /_health, GET /_record, POST /_faults

\b
Exit codes:
  0  stopped with Ctrl-C or SIGTERM
  2  it cannot be started as asked
"""


class Seconds(click.ParamType[tuple[float, float]]):
    """A range of seconds, `0.05-0.4`, or one number for both ends."""

    name = "seconds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        """Read the text of the option."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?", str(value))
        if match is None:
            self.fail(f"{value!r} is not a range of seconds such as 0.05-0.4.", param, ctx)
        low, high = match.groups()
        return float(low), float(high or low)


@click.command(epilog=EXAMPLE, context_settings={"show_default": True})
@click.option("--host", default=DEFAULT.host, help="Address to listen on.")
@click.option("--port", default=8080, help="Port to listen on; 0 for a free one.")
@click.option(
    "--requests-per-second", default=DEFAULT.requests_per_second, help="Limit of the whole company."
)
@click.option("--requests-per-day", default=DEFAULT.requests_per_day, help="Limit of the whole company.")
@click.option(
    "--policy",
    type=click.Choice(POLICIES),
    default=DEFAULT.policy,
    help="How the limits count: calendar seconds and days, spans that slide, or token buckets.",
)
@click.option(
    "--latency", "latency_s", type=Seconds(), default="0-0", help="Latency of answers, drawn from a range."
)
@click.option("--faults", default=DEFAULT.faults, help="Faults on demand, see below.")
@click.option("--seed", default=DEFAULT.seed, help="Start of every draw: faults, latencies, ids.")
@click.option("--access-key", default=DEFAULT.access_key, help="Key for Basic authorization.")
@click.option("--access-key-secret", default=DEFAULT.access_key_secret, help="Its secret.")
@click.option(
    "--access-token", default=DEFAULT.access_token, help="Token for Bearer authorization; none by default."
)
@click.option("--oauth-client-id", default=DEFAULT.oauth_client_id, help="OAuth client.")
@click.option("--oauth-client-secret", default=DEFAULT.oauth_client_secret, help="Its secret.")
@click.option(
    "--oauth-refresh-token",
    default=DEFAULT.oauth_refresh_token,
    help="Refresh token to begin with; who uses one twice is locked out.",
)
@click.option("--oauth-code", default=DEFAULT.oauth_code, help="Code of an authorization.")
@click.option(
    "--token-lifetime-s", default=DEFAULT.token_lifetime_s, help="Seconds that an OAuth token holds."
)
@click.option(
    "--users", default=DEFAULT.users, help="Users of the company; every 10th and every 25th is disabled."
)
@click.option(
    "--duplicate-status", default=DEFAULT.duplicate_status, help="For a repeated clientUniqueId: 400 or 409."
)
@click.option(
    "--day-s", default=DEFAULT.day_s, help="Length of a day in seconds, to watch a day limit reopen."
)
@click.option(
    "--processing-s", default=DEFAULT.processing_s, help="Seconds until a call with media is listed."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output once it listens.")
@click.pass_context
def simulator(context: click.Context, /, *, as_json: bool, **_options: object) -> None:
    """Run a stand-in for the Gong API until it is stopped with Ctrl-C or SIGTERM."""
    from pipeline.simulator.server import serve  # noqa: PLC0415 - the help waits for no web server

    options = {name: value for name, value in context.params.items() if name != "as_json"}
    try:
        serve(SimulatorOptions(**options), ready=functools.partial(_say_ready, as_json=as_json))
    except SimulatorRefused as error:
        raise click.UsageError(str(error)) from error


def _say_ready(url: str, *, as_json: bool) -> None:
    # click.echo flushes: whoever started the simulator waits for this line.
    document = json.dumps({"address": url, "pid": os.getpid()})
    click.echo(document if as_json else f"simulator listening on {url}")
