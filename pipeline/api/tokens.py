"""The tokens of producers: made, listed and revoked by a person, looked up for each request.

Invariants: the file holds no token, only the SHA-256 of each. That is enough, and no slow hash is needed: a
token is 256 random bits, which nobody guesses however fast they hash. A token is shown once, when it is made.
The file is replaced whole, so nobody reads half of it; it is read again when it has changed. Once there was a
file, nobody is let in without a token, also when it is taken away.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings

FILE_NAME = "api-tokens.json"
NAME_MAX_CHARACTERS = 100
SECRET_BYTES = 32
PREFIX = "gi"


class Scope(StrEnum):
    """What a token allows. The words are a contract (docs/enqueue.md)."""

    ENQUEUE = "enqueue"  # hand recordings in
    READ = "read"  # see what became of them, batches and limits
    OPERATE = "operate"  # cancel a recording, or bring it back


@dataclass(frozen=True, slots=True)
class Token:
    """A token as the file knows it.

    Attributes:
        name: Whose it is; unique, and shown in the log.
        key: The part of the token by which it is found; no secret.
        sha256: Of the whole token, 64 hexadecimal digits.
        created_at: ISO 8601.
    """

    name: str
    key: str
    sha256: str
    scopes: frozenset[Scope]
    created_at: str


class TokensFile:
    """The file with the tokens' hashes.

    Every method raises `SettingsInvalid` when the file cannot be read or written, or is not one of tokens.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, settings: Settings) -> TokensFile:
        """Give the file of these settings; it may not be there yet."""
        return cls(settings.api_tokens or settings.data_dir / FILE_NAME)

    def read(self) -> tuple[Token, ...]:
        """Give every token; none if there is no file."""
        try:
            text = self.path.read_text("utf-8")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeError) as error:
            raise SettingsInvalid(f"The file of tokens {self.path} cannot be read: {error}.") from error
        try:
            return tuple(_token(**members) for members in json.loads(text)["tokens"])
        except (ValueError, TypeError, KeyError) as error:
            raise SettingsInvalid(
                f"{self.path} is no file of tokens as `gong-ingest token create` writes it."
            ) from error

    def create(self, name: str, scopes: Collection[Scope]) -> str:
        """Make a token and give its text, which nothing can show again."""
        if not (1 <= len(name) <= NAME_MAX_CHARACTERS and name.isprintable() and name.strip() == name):
            raise SettingsInvalid(
                f"A token's name is printable, of 1 to {NAME_MAX_CHARACTERS} characters; {name!r} is not."
            )
        key = secrets.token_hex(4)
        text = f"{PREFIX}_{key}_{secrets.token_urlsafe(SECRET_BYTES)}"
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._changing() as tokens:
            if any(token.name == name for token in tokens):
                raise SettingsInvalid(f"There is a token {name!r} already; revoke it, or take another name.")
            tokens.append(Token(name, key, digest_of(text), frozenset(scopes), created_at))
        return text

    def revoke(self, name: str) -> None:
        """Take a token away; from then on nobody is let in with it."""
        with self._changing() as tokens:
            left = [token for token in tokens if token.name != name]
            if len(left) == len(tokens):
                raise SettingsInvalid(f"There is no token {name!r} in {self.path}.")
            tokens[:] = left

    @contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        """Give the tokens to be changed, and write them, while nobody else does."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                tokens = list(self.read())
                yield tokens
                self._write(tokens)
            finally:
                os.close(lock)
        except OSError as error:
            raise SettingsInvalid(f"The file of tokens {self.path} cannot be written: {error}.") from error

    def _write(self, tokens: Collection[Token]) -> None:
        members = [asdict(token) | {"scopes": sorted(token.scopes)} for token in tokens]
        beside = self.path.with_name(f"{self.path.name}.new")
        with suppress(FileNotFoundError):
            beside.unlink()
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"tokens": members}, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)


class Tokens:
    """The tokens as each request is held against them; may be shared between threads.

    Args:
        file: Where they stand.
        required: Let nobody in without one, also while there is no file.
    """

    def __init__(self, file: TokensFile, *, required: bool) -> None:
        self._file = file
        self._required = required
        self._seen: tuple[int, int, int] | None = None
        self._by_key: dict[str, Token] = {}

    def are_required(self) -> bool:
        """Tell whether a request needs a token.

        Raises:
            SettingsInvalid: The file cannot be read.
        """
        self._read_again()
        return self._required

    def holder(self, text: str) -> Token | None:
        """Give the token that this text is; None if it is none, or was revoked.

        Raises:
            SettingsInvalid: The file cannot be read.
        """
        self._read_again()
        prefix, _, rest = text.partition("_")
        token = self._by_key.get(rest.partition("_")[0]) if prefix == PREFIX else None
        # Compared in constant time, and against something also where there is nothing.
        is_it = hmac.compare_digest(digest_of(text), token.sha256 if token else digest_of(""))
        return token if token and is_it else None

    def _read_again(self) -> None:
        try:
            found = self._file.path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        except FileNotFoundError:
            self._seen, self._by_key = None, {}
            return
        except OSError as error:
            raise SettingsInvalid(f"The file of tokens {self._file.path} cannot be read: {error}.") from error
        if seen != self._seen:
            self._by_key = {token.key: token for token in self._file.read()}
            self._required, self._seen = True, seen


def digest_of(text: str) -> str:
    """Hash a token's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _token(*, name: str, key: str, sha256: str, scopes: list[str], created_at: str) -> Token:
    return Token(name, key, sha256, frozenset(map(Scope, scopes)), created_at)
