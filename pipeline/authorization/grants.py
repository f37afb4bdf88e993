"""What the next tokens can be asked for with, and where those that are given are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from pipeline.authorization.pair import Pair, Seal, fingerprint
from pipeline.authorization.spare import Spare
from pipeline.ledger import Stored, Tokens
from pipeline.settings import OAuth, Settings
from pipeline.store import Store

BY = "gong-ingest authorize, or set {} GONG_OAUTH_REFRESH_TOKEN and start the workers again."
ANEW = f"Authorize anew: {BY.format('a new')}"
NEVER_AUTHORIZED = f"There is no OAuth token yet. Authorize: {BY.format('a')}"


@dataclass(frozen=True, slots=True)
class Grants:
    """The tokens in the ledger, the spare on this machine's disk, and the refresh token of the settings.

    Attributes:
        seed: That refresh token; it is used once, also when it stays in the settings.
    """

    tokens: Tokens
    seal: Seal
    spare: Spare
    seed: str = field(default="", repr=False)

    @classmethod
    def from_settings(cls, settings: Settings, oauth: OAuth, store: Store) -> Self:
        """Find what the settings name.

        Raises:
            SettingsInvalid: The package for it is not installed.
        """
        seal = Seal(oauth.store_keys)
        spare = Spare(settings.data_dir, settings.namespace, seal)
        return cls(Tokens(store), seal, spare, oauth.refresh_token or "")

    def look(self) -> Stored:
        """See what lies in the ledger."""
        return self.tokens.look(fingerprint(self.seed) if self.seed else "")

    def open(self, stored: Stored) -> Pair:
        """Open the pair that lies there.

        Raises:
            AccessMissing: None of the keys sealed it.
        """
        return self.seal.open(stored.sealed)

    def refresh_token(self, stored: Stored, pair: Pair | None) -> str:
        """Choose what to ask with: the pair's, or one of the settings that was not used yet; or empty.

        One whose answer lies on this machine's disk will do even if it was refused since: that answer is
        taken, and nothing asked.
        """
        if pair and (not stored.lost or self.spare.given_for(pair.refresh_token)):
            return pair.refresh_token
        is_kept = not pair and bool(self.seed) and self.spare.given_for(self.seed) is not None
        return self.seed if not stored.is_seed_used or is_kept else ""

    def keep(self, pair: Pair, *, version: int | None) -> bool:
        """Write a pair to the disk and then to the ledger; False if the ledger has a newer one."""
        self.spare.keep(pair)
        used = pair.of if self.seed and pair.of == fingerprint(self.seed) else ""
        return self.tokens.replace(version, self.seal.seal(pair), lifetime_s=pair.lifetime_s, seed=used)
