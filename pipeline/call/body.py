"""From JSON text to a call and back, so that what is sent is what was given.

Invariants: `encode_call(decode_call(text))` says what `text` says, keys in their order and each number with
a fraction or an exponent in its own form: 125.80 stays 125.80. The text is UTF-8 JSON by the letter of RFC
8259: no NaN, no name twice in one object.
"""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from pipeline.call.texts import path_below, shown
from pipeline.errors import CallInvalid, Problem

# Nothing that is written here holds itself: it was read from a text, or has passed a check of its depth.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


class WrittenNumber(float):
    """A number that keeps the form in which it was written, where that is not Python's own.

    Attributes:
        text: The number as it stands in the JSON, such as `125.80` or `1E2`.
        is_any_made: Whether this process has seen such a number at all; most have not.
    """

    __slots__ = ("text",)
    text: str
    is_any_made: ClassVar[bool] = False

    def __new__(cls, text: str) -> Self:
        """Read a number of JSON."""
        WrittenNumber.is_any_made = True
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return (type(self), (self.text,))


def encode_call(call: Mapping[str, Any]) -> str:
    """Return the body exactly as it will be sent: compact JSON, keys and numbers as given.

    The call must have passed `check_call`; of others, some cannot be written (TypeError, ValueError).
    """
    if WrittenNumber.is_any_made and _has_written_number(call):
        return _written(dict(call))
    return _ENCODER.encode(call)


def is_sendable(body: str) -> bool:
    """Tell whether a body has no text that cannot be sent (`texts.check_sendable`); False may be wrong.

    To look at the whole takes a tenth of what it takes to look at each text.
    """
    # NUL is written like that, and so are these six characters behind a backslash that is meant as one.
    if "\\u0000" in body:
        return False
    try:
        return body.isascii() or bool(body.encode())
    except UnicodeEncodeError:
        return False


def written_float(text: str) -> float | None:
    """Read a number of JSON with a fraction or an exponent, which keeps its form; None if it is too large."""
    number = float(text)
    if math.isinf(number):
        return None
    return number if repr(number) == text else WrittenNumber(text)


def written_integer(text: str) -> int | None:
    """Read any other number of JSON; None if it has more digits than are read (4300)."""
    try:
        return int(text)
    except ValueError:
        return None


def decode_call(text: str | bytes) -> dict[str, Any]:
    """Read one JSON object; what stands in it is not checked.

    Raises:
        CallInvalid: It is not an object, or `decode_value` cannot read it.
    """
    value = decode_value(text)
    if not isinstance(value, dict):
        raise _refused(f"must be a JSON object, {{…}}, not {shown(value)}")
    return value


def decode_value(text: str | bytes) -> Any:
    """Read JSON in which calls stand.

    Raises:
        CallInvalid: The text is not UTF-8 or not JSON; or it has NaN, an infinity or a number too large to
            be read, or a name twice in one object.
    """
    if isinstance(text, bytes):
        text = _decoded(text)
    _READING.has_faults = False
    try:
        value = _READING.decoder.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _refused(f"is not JSON: {error.msg.removesuffix(' at')} at {place}") from None
    except ValueError:  # Python reads no whole number of more than 4300 digits.
        raise _refused("has a number with too many digits") from None
    except RecursionError:
        raise _refused("is nested too deeply to be read") from None
    if _READING.has_faults:
        raise CallInvalid(tuple(_faults(value)))
    return value


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(f"is not UTF-8: byte {error.start} is 0x{content[error.start]:02X}") from None


def _refused(message: str) -> CallInvalid:
    return CallInvalid((Problem("", message),))


class _Fault:
    """Stands in the place of a value that is refused, until its path is known."""

    def __init__(self, message: str) -> None:
        self.message = message


class _Reading(threading.local):
    """A text's way through the decoder; the decoder knows values, and only later where they stand.

    Each thread has a decoder of its own: one for each text would take a tenth of the time.
    """

    def __init__(self) -> None:
        self.has_faults = False
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=self._float, parse_constant=self._fault_of_number
        )

    def _object(self, members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) < len(members):
            self.has_faults = True
            for name, times in Counter(name for name, _ in members).items():
                if times > 1:
                    found[name] = _Fault("stands more than once in its object; keep one")
        return found

    def _float(self, text: str) -> float | _Fault:
        number = written_float(text)
        return self._fault_of_number(text) if number is None else number

    def _fault_of_number(self, text: str) -> _Fault:
        self.has_faults = True
        return _Fault(f"{text} is not a number that JSON can carry")


_READING = _Reading()


def _faults(value: object) -> Iterator[Problem]:
    """Give every fault with its path, in order; what was read may be nested deeper than Python's calls."""
    ahead: list[tuple[str, object]] = [("", value)]
    while ahead:
        path, value = ahead.pop()
        if isinstance(value, _Fault):
            yield Problem(path, value.message)
        elif isinstance(value, dict | list):
            places = value.items() if isinstance(value, dict) else enumerate(value)
            ahead += reversed([(path_below(path, place), below) for place, below in places])


def _has_written_number(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_written_number, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_written_number, value))
    return isinstance(value, WrittenNumber)


# The standard encoder writes every number in Python's form and can be told no other; so it writes the texts
# and the plain values alone. That takes twice as long, and is done where there is such a number only.
def _written(value: object) -> str:
    if isinstance(value, dict):
        members = (f"{_ENCODER.encode(name)}:{_written(member)}" for name, member in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    return value.text if isinstance(value, WrittenNumber) else _ENCODER.encode(value)
