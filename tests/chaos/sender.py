"""A system that hands recordings in, as a process of its own.

`python -m tests.chaos.sender WAY NUMBER OUTPUT`: by one of the ways `python` and `celery`, as one of eight.
Eight of them hand in 250 each, every recording by two of them; of every twenty one is wrong, and one has
another content when an odd sender hands it in. Whatever gets no answer is handed in again, as the page tells.
Each answer is a line of JSON in the file OUTPUT: `name`, `result` and `tries`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline import Pipeline
from pipeline.errors import CallInvalid, Conflict, LedgerUnreachable
from tests.messages import make_message
from tests.recordings import make_call

SENDERS, EACH = 8, 250
RECORDINGS = SENDERS * EACH // 2
WRONG, DISPUTED, EVERY = 7, 13, 20
AGAIN_AFTER_S = 0.1

# Hands one in, and tells what was said to it; None when there was no answer.
HandIn = Callable[[dict[str, Any]], str | None]


def name_of(number: int) -> str:
    """Give the clientUniqueId of a recording."""
    kind = {WRONG: "wrong", DISPUTED: "disputed"}.get(number % EVERY, "right")
    return f"{kind}-{number}"


def calls_of(sender: int) -> Iterator[dict[str, Any]]:
    """Give what a sender hands in, in an order of its own."""
    numbers = [(sender * EACH // 2 + number) % RECORDINGS for number in range(EACH)]
    Random(sender).shuffle(numbers)
    for number in numbers:
        name = name_of(number)
        call = make_call(name, downloadMediaUrl=f"https://pbx.invalid/{name}.wav")
        if number % EVERY == WRONG:
            call["direction"] = "in"
        if number % EVERY == DISPUTED and sender % 2:
            call["title"] = "Another"
        yield call


def by_python() -> HandIn:
    """Hand in by `Pipeline.enqueue`."""
    pipeline = Pipeline.from_env()

    def hand_in(call: dict[str, Any]) -> str | None:
        try:
            return pipeline.enqueue(call).result
        except (CallInvalid, Conflict) as refused:
            return refused.code
        except LedgerUnreachable:
            return None

    return hand_in


def by_celery() -> HandIn:
    """Push messages of Celery's protocol, by nothing but a client of Redis."""
    # asks once, so that it is known here how often a message was pushed
    client = redis.Redis.from_url(os.environ["GONG_INGEST_REDIS_URL"], retry=Retry(NoBackoff(), 0))
    intake = f"{os.environ['GONG_INGEST_NAMESPACE']}:celery:intake"

    def hand_in(call: dict[str, Any]) -> str | None:
        try:
            client.lpush(intake, make_message(call=call))
        except redis.RedisError:
            return None
        return "sent"

    return hand_in


WAYS = {"python": by_python, "celery": by_celery}


def main(way: str, sender: str, output: str) -> None:
    """Hand everything in that this sender has."""
    hand_in = WAYS[way]()
    with Path(output).open("w", encoding="utf-8") as answers:
        for call in calls_of(int(sender)):
            tries = 1
            while (result := hand_in(call)) is None:
                tries += 1
                time.sleep(AGAIN_AFTER_S)
            answers.write(
                json.dumps({"name": call["clientUniqueId"], "result": result, "tries": tries}) + "\n"
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
