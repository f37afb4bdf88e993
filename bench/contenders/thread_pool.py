"""A script with a pool of threads and requests: nothing is kept, so a run that ends early begins anew.

python -m bench.contenders.thread_pool MANIFEST MEDIA_ROOT THREADS
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from bench.contenders.start import when_told

TIMEOUT_S = (10, 60)
ATTEMPTS = 20
FAILED_WAIT_S = 1.0

_of_thread = threading.local()


def session() -> requests.Session:
    """Give this thread's session, whose connection is kept."""
    if not hasattr(_of_thread, "session"):
        _of_thread.session = requests.Session()
        _of_thread.session.auth = (os.environ["API_KEY"], os.environ["API_SECRET"])
    opened: requests.Session = _of_thread.session
    return opened


def bring_in(row: dict[str, Any], root: Path) -> None:
    """Create the call of a row, and upload its media."""
    calls, media = os.environ["API_URL"] + "/v2/calls", root / row["media"]
    created = patiently(lambda: session().post(calls, json=row["call"], timeout=TIMEOUT_S))
    address = f"{calls}/{created.json()['callId']}/media"

    def put() -> requests.Response:
        with media.open("rb") as file:
            part = (media.name, file, "audio/wav")
            return session().put(address, files={"mediaFile": part}, timeout=TIMEOUT_S)

    patiently(put)


def patiently(ask: Callable[[], requests.Response]) -> requests.Response:
    """Ask until the API takes it, waiting as long as it says."""
    for _ in range(ATTEMPTS):
        response = ask()
        while response.status_code == 429:
            time.sleep(float(response.headers["Retry-After"]))
            response = ask()
        if response.status_code < 500:
            response.raise_for_status()
            return response
        time.sleep(FAILED_WAIT_S)
    raise RuntimeError(f"The API failed {ATTEMPTS} times.")


def main() -> None:
    """Bring in every recording of a manifest; says of each that failed why."""
    manifest, root, threads = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with ThreadPoolExecutor(threads) as pool, when_told(), manifest.open(encoding="utf-8") as lines:
        work = [pool.submit(bring_in, json.loads(line), root) for line in lines]
        for each in work:
            if error := each.exception():
                sys.stderr.write(f"{error}\n")


if __name__ == "__main__":
    main()
