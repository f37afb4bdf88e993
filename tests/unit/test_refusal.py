"""What becomes of each refusal of a server, in the words in which Redis 7.0 and Valkey 9.1 say it."""

from __future__ import annotations

import pytest
import redis
from redis import exceptions

from pipeline.errors import LedgerRefused, LedgerUnreachable
from pipeline.refusal import OUR_MISTAKE, SAID_MAX_CHARACTERS, error_of

ON_VALKEY = " script: on @user_script:7."
ON_REDIS = " script: e9b54d4a4d206d3b0b81188c4d78b351ed329bed, on @user_script:7."

PASSING: list[tuple[redis.RedisError, str]] = [
    (redis.ConnectionError("Error 111 connecting to host:1. Connection refused."), "Connection refused."),
    (redis.TimeoutError("Timeout reading from socket"), "Timeout reading from socket."),
    (redis.TimeoutError(), "TimeoutError."),
    (redis.ConnectionError("max number of clients reached"), "max number of clients reached."),
    (redis.AuthenticationError("invalid username-password pair"), "refuses user or password in GONG_INGEST"),
    (redis.BusyLoadingError("Redis is loading the dataset in memory"), "loading what lies on its disk."),
    (redis.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "its memory is full"),
    (redis.ReadOnlyError("You can't write against a read only replica."), "a replica that only reads"),
    (exceptions.ClusterDownError("Hash slot not served"), "its cluster is down."),
    (exceptions.MasterDownError("Link with MASTER is down and …"), "a replica that lost its primary"),
    (exceptions.TryAgainError("Multiple keys request during rehashing of slot"), "moves keys."),
    (
        redis.ResponseError("MISCONF Errors writing to the AOF file: No space left on device" + ON_VALKEY),
        "its disk is full or not writable; make room, what is written stays.",
    ),
    (redis.ResponseError("NOREPLICAS Not enough good replicas to write." + ON_REDIS), "waits for replicas"),
    (redis.ResponseError("BUSY Valkey is busy running a script. You can only …"), "busy with a script"),
    (redis.ResponseError("UNBLOCKED force unblock from blocking operation"), "became a replica"),
]

ON_OLD_REDIS = "Error running script (call to f_fd1f62702330c26137b50b4d8f15f201f6699d84): @user_script:7: "
PASSING += [
    (
        redis.ResponseError(f"{ON_OLD_REDIS}@user_script: 7: -OOM command not allowed when used memory > …"),
        "its memory is full",
    ),
    (
        redis.ResponseError(
            f"{ON_OLD_REDIS}@user_script: 7: -READONLY You can't write against a read only …"
        ),
        "a replica that only reads",
    ),
]

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
REFUSED: list[tuple[redis.RedisError, str, str]] = [
    *(
        (
            redis.ResponseError(WRONG_TYPE + where),
            f"{WRONG_TYPE} (line 7).",
            "calls:; set GONG_INGEST_NAMESPACE",
        )
        for where in (ON_VALKEY, ON_REDIS)
    ),
    (redis.ResponseError(ON_OLD_REDIS + WRONG_TYPE), f"{WRONG_TYPE} (line 7).", "set GONG_INGEST_NAMESPACE"),
    (
        redis.ResponseError("FORMAT the ledger has the format 2, and this program knows 1"),
        "the format 2, and this program knows 1.",
        "upgrade this one too",
    ),
    *(
        (
            redis.ResponseError(f"{ON_OLD_REDIS}@user_script: 7: {said}"),
            f"{said} (line 7).",
            "docs/redis.md has what each role needs",
        )
        for said in (
            "The user executing the script can't run this command or subcommand",
            "The user executing the script can't access at least one of the keys mentioned in the command",
        )
    ),
    *(
        (redis.ResponseError(said + where), said, "ACL SETUSER … +@all ~calls:* allchannels")
        for said, where in (
            ("ACL failure in script: User u has no permissions to run the 'hset' command", ON_VALKEY),
            ("ACL failure in script: No permissions to access a key", ON_VALKEY),
            ("The user executing the script can't run this command or subcommand", ON_REDIS),
            ("The user executing the script can't access at least one of the keys", ON_REDIS),
        )
    ),
    *(
        (exceptions.NoPermissionError(said), said, "ACL SETUSER")
        for said in (
            "User v has no permissions to run the 'evalsha' command",
            "this user has no permissions to run the 'evalsha' command",
        )
    ),
    (redis.ResponseError("unknown command 'EVALSHA', with args beginning with: 'x' "), "EVALSHA", "too old"),
    (redis.ResponseError("Unknown command called from script" + ON_REDIS), "(line 7)", "too old"),
    (exceptions.NoScriptError("No matching script. Please use EVAL."), "No matching script", "not a proxy"),
    (exceptions.MovedError("1 127.0.0.1:7000"), "1 127.0.0.1:7000", "not part of a cluster"),
    (exceptions.ClusterCrossSlotError("Keys in request don't hash to the same slot"), "slot", "of a cluster"),
    (exceptions.InvalidResponse("Protocol Error: b'TTP/1.1 400'"), "Protocol Error", "neither Redis nor"),
    (
        redis.ResponseError("user_script:9: attempt to index local 'x' (a nil value)" + ON_VALKEY),
        "user_script:9: attempt to index local 'x' (a nil value) (line 7).",
        OUR_MISTAKE,
    ),
    (redis.DataError("Invalid input of type: 'NoneType'."), "'NoneType'.", OUR_MISTAKE),
]


def told(error: redis.RedisError) -> LedgerUnreachable | LedgerRefused:
    return error_of(error, what="the script claim", address="redis://ledger:6379/0", prefix="calls:")


@pytest.mark.parametrize(("error", "says"), PASSING, ids=[says for _, says in PASSING])
def test_what_passes_is_waited_for(error: redis.RedisError, says: str) -> None:
    unreachable = told(error)

    assert isinstance(unreachable, LedgerUnreachable)
    assert str(unreachable).startswith("The ledger's server at redis://ledger:6379/0 cannot be used: ")
    assert says in str(unreachable)


@pytest.mark.parametrize(("error", "says", "advice"), REFUSED, ids=[says for _, says, _ in REFUSED])
def test_what_does_not_pass_is_told_with_the_script_and_what_to_do(
    error: redis.RedisError, says: str, advice: str
) -> None:
    refused = told(error)

    assert isinstance(refused, LedgerRefused)
    assert str(refused).startswith("The ledger's server at redis://ledger:6379/0 refuses the script claim: ")
    assert says in str(refused)
    assert advice in str(refused)


@pytest.mark.parametrize("error", [*(row[0] for row in PASSING), *(row[0] for row in REFUSED)], ids=str)
def test_every_sentence_ends_as_one(error: redis.RedisError) -> None:
    text = str(told(error))

    assert text.endswith(".")
    assert ".." not in text
    assert text.isprintable()


def test_a_long_text_of_the_server_is_cut_and_cannot_move_the_cursor() -> None:
    text = str(told(redis.ResponseError("\x1b[2J\r\n" + "x" * 10_000)))

    assert text.isprintable()
    assert len(text) < SAID_MAX_CHARACTERS + 300
