"""Recordings of a manifest that an earlier batch has are waited for as well."""

from __future__ import annotations

import pytest

from pipeline.cli.watch import watch
from pipeline.cli.watch.watch import is_final
from pipeline.job import Counts, State, job_id_of
from tests.ledgers import Filled
from tests.servers import Server

NOTHING_WAITS = Counts("calls")


BUNDLE = 5


def test_no_more_are_asked_for_than_it_takes_to_find_one_that_waits(
    server: Server, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_UP_BUNDLE", BUNDLE)
    filled = Filled.on(server.url, namespace)
    names = [f"pbx-{number}" for number in range(3 * BUNDLE)]
    filled.submit("earlier", names)
    elsewhere = [job_id_of(name) for name in names]

    def asked() -> int:
        calls: int = server.client.info("commandstats")["cmdstat_evalsha"]["calls"]
        return calls

    is_final(NOTHING_WAITS, filled.ledger, elsewhere)  # loads the script
    before = asked()
    assert not is_final(NOTHING_WAITS, filled.ledger, elsewhere)
    assert asked() - before == 1
    assert len(elsewhere) == len(names)

    filled.bring_in(len(names) - 1)
    (waiting,) = [name for name in names if filled.ledger.states([job_id_of(name)]) == [State.PENDING]]
    assert not is_final(NOTHING_WAITS, filled.ledger, elsewhere)
    assert job_id_of(waiting) in elsewhere
    assert not is_final(Counts("calls", pending=1), filled.ledger, elsewhere)

    filled.bring_in(1)
    assert is_final(NOTHING_WAITS, filled.ledger, elsewhere)
    assert not elsewhere
    filled.close()
