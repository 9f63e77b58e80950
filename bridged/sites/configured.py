"""The sites that the settings and the command line allow, which nobody is asked about."""

from __future__ import annotations

from collections.abc import Iterable

from bridged.config import DEFAULT_GRANTS, AllowedSite, Config, state_dir
from bridged.errors import ConfigError
from bridged.model import Grant
from bridged.sites.managed import load_managed
from bridged.sites.origins import Origin
from bridged.sites.policy import SitePolicy
from bridged.sites.store import SiteStore


def site_policy(config: Config, options: Iterable[str] = ()) -> SitePolicy:
    """Return all that is decided about sites; the store is not loaded yet. Raises `ConfigError`."""
    store = SiteStore(state_dir() / "sites.json")
    return SitePolicy(configured(config.sites, options), managed=load_managed(), store=store)


def configured(
    sites: Iterable[AllowedSite], options: Iterable[str] = ()
) -> dict[str, frozenset[Grant]]:
    """Return grants by origin; `options` (`ORIGIN[=GRANT,...]`) stand over the settings.

    Raises `ConfigError`.
    """
    allowed: dict[str, frozenset[Grant]] = {}
    for number, site in enumerate(sites):
        _require_origin(site.origin, f"sites[{number}].origin")
        allowed[site.origin] = site.grants
    for text in options:
        origin, given, grants = text.partition("=")
        _require_origin(origin, "--allow")
        try:
            allowed[origin] = (
                frozenset(Grant(grant) for grant in grants.split(",")) if given else DEFAULT_GRANTS
            )
        except ValueError as error:
            raise ConfigError(file="--allow", detail=str(error)) from None
    return allowed


def _require_origin(text: str, place: str) -> None:
    if Origin.parse(text) is None:
        raise ConfigError(
            file=place,
            detail=f"{text!r} is not an origin such as https://portal.example "
            "(http on loopback only, no path, no slash at the end)",
        )
