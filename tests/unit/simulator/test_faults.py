"""Faults: how they are asked for, and that what is drawn follows from the seed."""

from __future__ import annotations

import math

import pytest

from pipeline.simulator.faults import Dice, Fate, Fault, FaultsInvalid, from_mapping, parse


def make_dice(text: str, seed: int = 1, latency_s: tuple[float, float] = (0.0, 0.0)) -> Dice:
    return Dice(seed, parse(text), latency_s)


def draw_many(dice: Dice, endpoint: str = "create", count: int = 2_000, now_s: float = 0.0) -> list[Fate]:
    return [dice.draw(endpoint, now_s) for _ in range(count)]


def share_of(kind: str | None, fates: list[Fate]) -> float:
    return sum(fate.kind == kind for fate in fates) / len(fates)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("429=0.02", Fault("429", share=0.02)),
        ("lost=.5", Fault("lost", share=0.5)),
        ("reset", Fault("reset")),
        ("create.lost=0.2", Fault("lost", "create", 0.2)),
        ("401@10-20", Fault("401", start_s=10, end_s=20)),
        ("500@5-", Fault("500", start_s=5)),
        ("media.slow=0.1:2-5.5@1-3", Fault("slow", "media", 0.1, (2, 5.5), 1, 3)),
    ],
)
def test_a_fault_is_read_from_text_and_written_the_same(text: str, fault: Fault) -> None:
    assert parse(text) == (fault,)
    assert parse(fault.text()) == (fault,)


def test_many_are_separated_by_commas_and_none_is_fine() -> None:
    assert [fault.kind for fault in parse("429=0.1, lost=0.2 ,cut")] == ["429", "lost", "cut"]
    assert parse("") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("418=0.1", "its kind must be one of"),
        ("upload.500=0.1", "its endpoint must be one of"),
        ("500=1.5", "between 0 and 1"),
        ("lost=0.1:1-2", "only slow and 429"),
        ("slow=0.1:5-2", "comes first"),
        ("401@20-10", "must end after it starts"),
        ("lost 0.2", "must look like"),
        ("lost=-1", "must look like"),
        ("lost=nan", "must look like"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_text_and_the_reason(text: str, reason: str) -> None:
    with pytest.raises(FaultsInvalid, match=reason) as refused:
        parse(f"429=0.1,{text}")
    assert text in str(refused.value)


def test_json_says_the_same_as_text() -> None:
    mapping = {"429": 0.02, "create.lost": True, "cut": False, "401": "@10-20", "slow": "0.1:2-5", "500": 1}
    assert from_mapping(mapping) == parse("429=0.02,create.lost,401@10-20,slow=0.1:2-5,500=1")


@pytest.mark.parametrize(
    "mapping", [{"lost": None}, {"lost": [0.1]}, {"lost": 2}, {"lost": math.inf}, {"lost=1": 1}]
)
def test_json_of_another_form_is_refused(mapping: dict[str, object]) -> None:
    with pytest.raises(FaultsInvalid, match="lost"):
        from_mapping(mapping)


@pytest.mark.parametrize("kind", ["429", "401", "500", "reset", "504", "lost", "cut"])
def test_a_fault_hits_its_share_of_the_requests(kind: str) -> None:
    fates = draw_many(make_dice(f"{kind}=0.2"))
    assert share_of(kind, fates) == pytest.approx(0.2, abs=0.03)
    assert share_of(None, fates) == pytest.approx(0.8, abs=0.03)


def test_a_share_of_one_hits_all_and_of_nothing_none() -> None:
    assert share_of("lost", draw_many(make_dice("lost=1,429=0"))) == 1


def test_of_several_that_are_drawn_the_first_happens() -> None:
    assert share_of("429", draw_many(make_dice("lost,500,429"))) == 1


def test_a_fault_of_one_endpoint_leaves_the_others_alone() -> None:
    dice = make_dice("media.500")
    assert dice.draw("create", 0).kind is None
    assert dice.draw("media", 0).kind == "500"


def test_the_same_seed_draws_the_same_whatever_other_endpoints_are_asked() -> None:
    alone = draw_many(make_dice("lost=0.3,cut=0.3,slow=0.3", latency_s=(0.1, 0.2)))
    dice = make_dice("lost=0.3,cut=0.3,slow=0.3", latency_s=(0.1, 0.2))
    mixed = []
    for _ in range(2_000):
        dice.draw("media", 0.0)
        mixed.append(dice.draw("create", 0.0))
    assert alone == mixed
    assert alone != draw_many(make_dice("lost=0.3,cut=0.3,slow=0.3", seed=2, latency_s=(0.1, 0.2)))


def test_a_fault_is_on_from_its_first_second_up_to_its_last() -> None:
    dice = make_dice("401@10-20")
    assert [dice.draw("create", now_s).kind for now_s in (9.9, 10, 19.9, 20)] == [None, "401", "401", None]


def test_times_count_from_when_the_faults_were_set() -> None:
    dice = make_dice("lost")
    dice.set(parse("401@1-2"), now_s=100)
    assert [dice.draw("create", now_s).kind for now_s in (100.5, 101.5, 102.5)] == [None, "401", None]


def test_a_429_counts_down_to_its_own_end() -> None:
    dice = make_dice("429@10-20")
    assert [dice.draw("create", now_s).retry_after_s for now_s in (10, 14.5)] == [10, 5.5]


def test_a_429_without_an_end_asks_for_a_second_or_draws_from_its_range() -> None:
    assert make_dice("429").draw("create", 5).retry_after_s == 1
    waits_s = [fate.retry_after_s for fate in draw_many(make_dice("429:2-4"))]
    assert (min(waits_s), max(waits_s)) == pytest.approx((2, 4), abs=0.05)


def test_every_answer_takes_its_latency_and_slow_comes_on_top() -> None:
    fates = draw_many(make_dice("slow=0.5:10-20", latency_s=(0.1, 0.3)))
    fast_s = [fate.delay_s for fate in fates if fate.delay_s < 1]
    slow_s = [fate.delay_s for fate in fates if fate.delay_s > 1]
    assert (min(fast_s), max(fast_s)) == pytest.approx((0.1, 0.3), abs=0.01)
    assert (min(slow_s), max(slow_s)) == pytest.approx((10.1, 20.3), abs=0.3)
    assert len(slow_s) / len(fates) == pytest.approx(0.5, abs=0.05)


def test_slow_goes_with_other_faults() -> None:
    fate = make_dice("slow:3-3,lost").draw("create", 0)
    assert (fate.kind, fate.delay_s) == ("lost", 3)


def test_the_place_of_a_reset_lies_within_the_body() -> None:
    places = [fate.reset_share for fate in draw_many(make_dice("reset"))]
    assert 0 <= min(places) < 0.05
    assert 0.95 < max(places) < 1
