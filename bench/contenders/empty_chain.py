"""A bare Celery chain of three empty tasks, with Celery's own settings but for the results that nobody reads.

celery -A bench.contenders.empty_chain worker
python -m bench.contenders.empty_chain COUNT
"""

from __future__ import annotations

import os
import sys

from celery import Celery, chain

from bench.contenders.start import when_told

app = Celery("empty_chain", broker=os.environ["BROKER_URL"])
app.conf.task_ignore_result = True


@app.task(name="first")
def first(number: int) -> int:
    """Do nothing."""
    return number


@app.task(name="second")
def second(number: int) -> int:
    """Do nothing."""
    return number


@app.task(name="third")
def third(number: int) -> int:
    """Do nothing."""
    return number


def main() -> None:
    """Publish so many chains."""
    count = int(sys.argv[1])
    with app.connection_for_write() as connection:
        connection.ensure_connection()
    with when_told():
        for number in range(count):
            chain(first.s(number), second.s(), third.s()).apply_async()


if __name__ == "__main__":
    main()
