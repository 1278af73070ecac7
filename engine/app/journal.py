"""Where a site's journal lies and what it is opened with: the bus and every command read it from here."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from engine.base.clock import SECOND
from engine.journal.keys import KeyRing
from engine.journal.retention import Keep as RetentionKeep
from engine.journal.settings import Settings
from engine.settings.keys import KeyProvider, SoftKeys
from engine.settings.models import Config, Keep
from engine.settings.secrets import Secrets

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """What `open_journal` and `open_history` are told."""

    url: str
    ring: KeyRing
    settings: Settings


async def journal_place(site: Path, config: Config, secrets: Secrets, keys: KeyProvider | None = None) -> JournalPlace:
    """The journal of a site. Raises SecretMissing for its login, KeysUnavailable for its key."""
    journal = config.journal
    master = await (keys or SoftKeys(secrets)).master(journal.key.secret)
    settings = Settings(
        commit=journal.commit.value,
        reserve=journal.reserve,
        keep_keys=int(journal.keep.keys * SECOND),
        keys=str((site / journal.day_keys).resolve()) if journal.day_keys is not None else None,
    )
    return JournalPlace(_url(site, config, secrets), KeyRing(master), settings)


def keep_of(keep: Keep) -> RetentionKeep:
    """How long each kind is kept, as `prune` is told."""
    return RetentionKeep(int(keep.bodies * SECOND), int(keep.history * SECOND), int(keep.audit * SECOND))


def _url(site: Path, config: Config, secrets: Secrets) -> str:
    url, login = config.journal.url, config.journal.login
    if url.startswith(_SQLITE):
        path = (site / url.removeprefix(_SQLITE)).resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        return _SQLITE + str(path)
    if login is None:
        return url
    user, password = quote(login.user, safe=""), quote(secrets.open(login.password.secret), safe="")
    return urlsplit(url)._replace(netloc=f"{user}:{password}@{urlsplit(url).netloc}").geturl()
