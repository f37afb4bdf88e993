"""From JSON text to a call and back."""

from __future__ import annotations

import copy
import json
import pickle
import sys

import pytest
from hypothesis import given

from pipeline.call import WrittenNumber, check_call, decode_call, encode_call
from pipeline.call.body import _Fault, _faults
from pipeline.errors import CallInvalid
from tests.unit.call.calls import Json, make_call
from tests.unit.call.generated import JSON_VALUES


def refusal_of(text: str | bytes) -> list[str]:
    with pytest.raises(CallInvalid) as refused:
        decode_call(text)
    return [str(problem) for problem in refused.value.problems]


def test_a_call_is_sent_compact_in_its_own_order_and_its_own_characters() -> None:
    call = {
        "title": 'Zoë 💬 "x"\n',
        "duration": 125.8,
        "parties": [{"mediaChannelId": 0}],
        "a": [True, None, ()],
    }

    assert encode_call(call) == (
        '{"title":"Zoë 💬 \\"x\\"\\n","duration":125.8,"parties":[{"mediaChannelId":0}],"a":[true,null,[]]}'
    )


@given(JSON_VALUES)
def test_the_text_is_that_of_the_standard_encoder(value: Json) -> None:
    expected = json.dumps({"value": value}, ensure_ascii=False, separators=(",", ":"))

    assert encode_call({"value": value}) == expected
    assert decode_call(expected) == {"value": value}


@pytest.mark.parametrize(
    "number",
    ["125", "125.8", "125.80", "0.0", "-0.0", "1E2", "1e-7", "1.0e+2", "0.1000000000000000055", "1e-400"],
)
def test_a_number_keeps_the_form_in_which_it_was_written(number: str) -> None:
    text = f'{{"duration":{number},"context":[{{"value":[{number}]}}]}}'

    call = decode_call(text)

    assert encode_call(call) == text
    assert call["duration"] == float(number)


def test_a_number_that_keeps_its_form_is_checked_like_any_other() -> None:
    call = make_call() | decode_call('{"duration":125.80}')

    check_call(call)

    assert isinstance(call["duration"], WrittenNumber)


def by_pickle(number: WrittenNumber) -> Json:
    return pickle.loads(pickle.dumps(number))  # noqa: S301 - bytes of our own


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, by_pickle])
def test_a_copy_of_a_number_keeps_its_form(copied: Json) -> None:
    assert encode_call({"duration": copied(WrittenNumber("125.80"))}) == '{"duration":125.80}'


def test_a_number_keeps_its_form_wherever_it_stands() -> None:
    assert encode_call({"a": ({"b": [WrittenNumber("1.00")]},)}) == '{"a":[{"b":[1.00]}]}'


def test_ids_of_many_digits_stay_as_they_are() -> None:
    text = '{"primaryUser":"00234599484848423999","n":234599484848423999234599484848423999}'

    assert encode_call(decode_call(text)) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, object()])
def test_what_json_cannot_say_is_not_written(value: Json) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode_call({"value": value})


def test_bytes_are_read_as_utf_8() -> None:
    assert decode_call('{"title":"Zoë 💬"}'.encode()) == {"title": "Zoë 💬"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a":"\xff"}', "is not UTF-8: byte 6 is 0xFF"),
        ("", "is not JSON: Expecting value at line 1, column 1"),
        ("{", "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ('{"a":1}\n{"a":2}', "is not JSON: Extra data at line 2, column 1"),
        ("{'a':1}", "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        ('{"a":"\t"}', "is not JSON: Invalid control character at line 1, column 7"),
        ('{"a":01}', "is not JSON: Expecting ',' delimiter at line 1, column 7"),
        ('\ufeff{"a":1}', "is not JSON: Expecting value at line 1, column 1"),
        ("[1]", "must be a JSON object, {…}, not [1]"),
        ("null", "must be a JSON object, {…}, not null"),
        ('"{}"', 'must be a JSON object, {…}, not "{}"'),
        ("NaN", "NaN is not a number that JSON can carry"),
        ('{"a":[1,NaN]}', "a.1: NaN is not a number that JSON can carry"),
        ('{"a":{"b":-Infinity}}', "a.b: -Infinity is not a number that JSON can carry"),
        ('{"a":1e400}', "a: 1e400 is not a number that JSON can carry"),
        ('{"a":[{"b":1,"b":1}]}', "a.0.b: stands more than once in its object; keep one"),
        ('{"a":1,"\\u0061":2}', "a: stands more than once in its object; keep one"),
        ('{"a":' + "9" * 5000 + "}", "has a number with too many digits"),
        ("[" * 100_000, "is nested too deeply to be read"),
        ('{"a":' * 100_000, "is nested too deeply to be read"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_not_strictly_json_is_refused_at_its_place(text: str | bytes, message: str) -> None:
    assert refusal_of(text) == [message]


def test_every_fault_is_told_at_once() -> None:
    text = '{"a":NaN,"b":{"c":1,"d":[Infinity],"c":2},"a":3,"e":1e999}'

    assert refusal_of(text) == [
        "a: stands more than once in its object; keep one",
        "b.c: stands more than once in its object; keep one",
        "b.d.0: Infinity is not a number that JSON can carry",
        "e: 1e999 is not a number that JSON can carry",
    ]


def test_a_name_is_told_in_printable_characters() -> None:
    assert refusal_of('{"a\\ud800\\n":NaN}') == ["a\\ud800\\n: NaN is not a number that JSON can carry"]


def test_one_text_s_faults_are_not_the_next_one_s() -> None:
    refusal_of('{"a":NaN}')

    assert decode_call('{"a":1}') == {"a": 1}


@pytest.mark.parametrize(
    ("name", "told"), [("\\ud800", "\\ud800"), ("x\\udfff", "x\\udfff"), ("\\u001b[2J", "\\u001b[2J")]
)
def test_a_doubled_name_that_cannot_be_written_is_told_as_it_stands(name: str, told: str) -> None:
    (problem,) = refusal_of(f'{{"a":{{"{name}":1,"{name}":2}}}}')

    assert problem == f"a.{told}: stands more than once in its object; keep one"
    problem.encode()


def test_a_fault_is_found_however_deep_it_lies() -> None:
    value: object = _Fault("is wrong")
    for _ in range(3 * sys.getrecursionlimit()):
        value = [value]

    (problem,) = _faults(value)

    assert problem.message == "is wrong"
    assert problem.field.count("0") == 3 * sys.getrecursionlimit()
