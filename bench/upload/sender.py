"""A process that uploads as a worker's does, told what by its standard input.

    python -m bench.upload.sender URL

Reads lines of JSON, `[[call id, path], ...]`, uploads one after the other, and answers each line with one:
how long it took, and the process's processor time and memory, that of its whole life at most.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.processes import own_bytes
from bench.upload.receivers import KEY, SECRET
from pipeline.gong import GongClient
from pipeline.media import Access, open_media


def upload(client: GongClient, call_id: str, path: Path) -> str:
    """Do with media what the step does; give its SHA-256."""
    media, stream = open_media(path.name, Access((path.parent,)))
    with stream:
        answer = client.upload_media(
            call_id,
            stream,
            file_name=media.file_name,
            content_type=media.content_type,
            on_bytes=lambda _sent: None,
        )
        if answer.status != 201:
            raise RuntimeError(f"{path} was answered with {answer}")
        return stream.sha256_hex


def main() -> None:
    """Upload until the input ends."""
    with GongClient(sys.argv[1], access_key=KEY, access_key_secret=SECRET) as client:
        client.connect()
        _say({"memory_bytes": own_bytes("VmRSS")})
        for line in sys.stdin:
            began_s, used_s = time.perf_counter(), time.process_time()
            for call_id, path in json.loads(line):
                upload(client, call_id, Path(path))
            _say(
                {
                    "seconds": time.perf_counter() - began_s,
                    "processor_s": time.process_time() - used_s,
                    "memory_max_bytes": own_bytes("VmHWM"),
                }
            )


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
