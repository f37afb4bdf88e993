"""Recordings whose media Gong pulls through a link: signed late, kept until the answer, shown to nobody."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from requests import get

from pipeline.job import Lane, State, Step
from pipeline.media import Access
from pipeline.media.sources import s3
from pipeline.steps import Again, GoOn, Stop
from tests.integration.gong.servers import make_client, serving
from tests.integration.people.company import Company, errors
from tests.integration.steps.bench import BATCH, Bench
from tests.integration.steps.test_users import JANE, LOST, assert_dead, hand_in, retry
from tests.recordings import wav
from tests.simulators import Simulator
from tests.stores import S3, running_s3
from tests.unit.people.users import make_fields

MEDIA = "s3://calls/2026/a.wav"
DAY_S = 86_400.0


@pytest.fixture(scope="module")
def shared_store() -> Iterator[S3]:
    with running_s3() as running:
        running.put("calls", {"2026/a.wav": wav(bytes(5000))})
        with pytest.MonkeyPatch.context() as patched:
            for name, value in running.environment.items():
                patched.setenv(name, value)
            s3._client_of.cache_clear()
            yield running
        s3._client_of.cache_clear()


@pytest.fixture
def store_of_media(bench: Bench, shared_store: S3) -> S3:
    bench.have(access=Access(("s3://calls",)))
    return shared_store


@pytest.fixture
def company(bench: Bench, store_of_media: S3) -> Iterator[Company]:
    """An API that answers as the test says."""
    there = Company([make_fields(1)])
    with serving(there) as server, make_client(server.url) as client:
        bench.have(client=client)
        yield there


def links(company: Company) -> list[str]:
    return [json.loads(body)["downloadMediaUrl"] for body in company.posted]


def later(by_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + by_s)


def test_a_link_takes_one_request_and_gives_the_media(
    bench: Bench, api: Simulator, store_of_media: S3
) -> None:
    bench.hand_in(media=MEDIA, is_linked=True, title="Renewal")

    assert bench.claim().steps == (Step.VALIDATE, Step.CREATE_CALL)
    assert [bench.run(Step.VALIDATE), bench.run(Step.CREATE_CALL)] == [GoOn(), GoOn()]

    (call,) = (each for each in api.record("requests=0")["calls"] if each["clientUniqueId"] == bench.name)
    assert get(call["body"].pop("downloadMediaUrl"), timeout=5).content == wav(bytes(5000))
    assert call["body"]["title"] == "Renewal"
    assert (bench.sent(), bench.counts().requests, bench.record().state) == (1, 1, State.DONE)
    assert "Signature" not in json.dumps(bench.job())


def test_a_create_whose_answer_was_lost_is_posted_again_letter_by_letter(
    bench: Bench, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(bench, JANE, media=MEDIA, is_linked=True)
    bench.run_before(Step.CREATE_CALL)
    assert "link" not in bench.job()
    company.says["POST"] = LOST
    assert isinstance(bench.run(Step.CREATE_CALL), Again)
    later(DAY_S / 2 - 60, monkeypatch)
    # Signed anew it would be another one.
    bench.have(access=Access(("s3://calls",), link_lifetime_s=DAY_S - 1))
    company.says.clear()

    assert bench.run(Step.CREATE_CALL) == GoOn()

    assert len(company.posted) == 2
    assert company.posted[0] == company.posted[1]
    assert json.loads(company.posted[0])["primaryUser"] == "1"


def test_a_link_of_which_less_than_half_is_left_is_signed_anew(
    bench: Bench, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.hand_in(media=MEDIA, is_linked=True)
    bench.run_before(Step.CREATE_CALL)
    company.says["POST"] = LOST
    bench.run(Step.CREATE_CALL)
    later(DAY_S / 2 + 60, monkeypatch)
    bench.have(access=Access(("s3://calls",), link_lifetime_s=DAY_S - 1))
    # The first one had arrived: the API knows it by its clientUniqueId.
    company.says["POST"] = (400, errors(f"Call {bench.name} has already been posted for the call 77"))

    assert bench.run(Step.CREATE_CALL) == GoOn()

    first, second = links(company)
    assert first != second
    assert (bench.record().call_id, bench.record().adopted) == ("77", False)


def test_what_the_api_refused_is_signed_anew_on_retry_and_no_word_of_it_shows_the_link(
    bench: Bench, company: Company, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.hand_in(media=MEDIA, is_linked=True)
    bench.run_before(Step.CREATE_CALL)
    company.says["POST"] = (
        400,
        errors("Media https://s/a.wav?X-Amz-Signature=very-secret&b is short"),
    )
    caplog.set_level("DEBUG", "pipeline")
    after = bench.run(Step.CREATE_CALL)

    assert isinstance(after, Stop)
    assert after.state is State.DEAD
    assert "https://s/a.wav?…" in after.message
    (letter,) = bench.control.dead_letters(BATCH, most=9)
    assert "very-secret" not in letter.message + caplog.text + after.message
    assert links(company)[0].partition("?")[2] not in caplog.text
    assert "link" not in bench.job()
    company.says.clear()
    bench.have(access=Access(("s3://calls",), link_lifetime_s=DAY_S - 1))
    retry(bench)
    bench.claim()
    assert bench.run(Step.CREATE_CALL) == GoOn()
    assert len(set(links(company))) == 2


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("2026/a.wav.local", "media_not_linked"),
        ("s3://others/a.wav", "media_outside_roots"),
        ("s3://calls/none.wav", "media_missing"),
    ],
)
def test_media_that_cannot_be_linked_to_is_dead_without_a_request(
    bench: Bench, company: Company, reference: str, code: str
) -> None:
    if code == "media_not_linked":
        bench.have(access=Access((bench.root, "s3://calls")))
    bench.hand_in(media=reference, is_linked=True)

    assert_dead(bench.run(Step.VALIDATE), code)
    assert company.posted == []


def test_media_that_vanished_after_it_was_validated_is_dead_without_a_request(
    bench: Bench, company: Company, store_of_media: S3
) -> None:
    store_of_media.client.put_object(Bucket="calls", Key="2026/b.wav", Body=wav(bytes(50)))
    bench.hand_in(media="s3://calls/2026/b.wav", is_linked=True)
    bench.run_before(Step.CREATE_CALL)
    store_of_media.client.delete_object(Bucket="calls", Key="2026/b.wav")

    assert_dead(bench.run(Step.CREATE_CALL), "media_missing")
    assert company.posted == []
    assert bench.services.ledger.claim([Lane.BACKFILL], window=9).jobs == ()
