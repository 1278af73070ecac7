"""The applications that may call: their secrets, campuses, scopes and pace."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.settings.secrets import SecretMissing, Secrets
from engine.settings.systems import Client as ClientSettings


@dataclass(frozen=True, slots=True)
class Client:
    """One application. Printing it prints no secret."""

    name: str
    secrets: Callable[[], Sequence[str]] = field(repr=False)
    """Opens the secrets that count now: one, or two while they are being changed; none where they are missing."""
    campuses: tuple[str, ...]
    scopes: tuple[str, ...] = ()
    """`report.read`, or `report.*` for all that start so."""
    unmask: bool = False
    pace: float = 100.0
    """Calls a second; a second's worth may come at once."""

    def may(self, scope: str) -> bool:
        """Whether one of its scopes covers `scope`."""
        return any(scope == own or (own.endswith(".*") and scope.startswith(own[:-1])) for own in self.scopes)


def clients_of(settings: Mapping[str, ClientSettings], campuses: Sequence[str], secrets: Secrets) -> dict[str, Client]:
    """The clients of the settings; `campuses` are the site's, secrets are opened at each call."""
    return {
        name: Client(
            name,
            _opener([one for one in (client.secret, client.second_secret) if one], secrets),
            tuple(client.campuses or campuses),
            tuple(client.scopes),
            client.unmask,
            client.pace,
        )
        for name, client in settings.items()
    }


def _opener(names: Sequence[str], secrets: Secrets) -> Callable[[], Sequence[str]]:
    def opened() -> list[str]:
        found = []
        for name in names:
            try:
                found.append(secrets.open(name))
            except SecretMissing:  # a caller hears "wrong signature"; `hisbus check` names the secret
                continue
        return found

    return opened
