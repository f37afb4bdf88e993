"""Which servers will do, by what they tell of themselves."""

from __future__ import annotations

import pytest

from pipeline.server import name_of, problem_of_eviction, problem_of_version


@pytest.mark.parametrize(
    ("info", "name"),
    [
        ({"redis_version": "6.2.5"}, ("Redis", "6.2.5")),
        ({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "9.1.0"}, ("Valkey", "9.1.0")),
    ],
)
def test_a_server_is_known_by_its_own_name(info: dict[str, str], name: tuple[str, str]) -> None:
    assert name_of(info) == name
    assert problem_of_version(info) is None


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        ({"redis_version": "6.0.16"}, "is Redis 6.0.16, and Redis 6.2 is the oldest that will do."),
        ({"redis_version": "5.0.7"}, "is Redis 5.0.7, and Redis 6.2 is the oldest that will do."),
        ({}, "is Redis 0, and Redis 6.2 is the oldest that will do."),
        (
            {"redis_version": "7.2.4", "valkey_version": "7.1.9"},
            "is Valkey 7.1.9, and Valkey 7.2 is the oldest that will do.",
        ),
    ],
)
def test_a_server_that_is_too_old_is_told_with_what_would_do(info: dict[str, str], problem: str) -> None:
    assert problem_of_version(info) == problem


def test_a_version_is_compared_by_its_numbers() -> None:
    assert problem_of_version({"redis_version": "10.0.1"}) is None
    assert problem_of_version({"redis_version": "8.0-rc1"}) is None


def test_a_server_that_drops_keys_is_told() -> None:
    assert problem_of_eviction({"maxmemory_policy": "noeviction"}) is None
    assert problem_of_eviction({}) is None
    told = problem_of_eviction({"maxmemory_policy": "allkeys-lru"})
    assert told is not None
    assert "its maxmemory-policy is allkeys-lru. Set it to noeviction." in told
