"""The services that bidders' certificates come from, by the issuer's name."""

from __future__ import annotations

import pytest

from bridged.signing.issuers import family


@pytest.mark.parametrize(
    ("names", "service"),
    [
        (("e-Probatio PS2 CA", "NTT Business Solutions Corporation", None), "e-Probatio PS2"),
        ((None, "Mitsubishi Electric", "DIACERT PLUS CA"), "DIACERT-PLUS"),
        (("DIACERT-PLUS CA", None, None), "DIACERT-PLUS"),
        (("TDB CA TypeA", "TEIKOKU DATABANK,LTD.", None), "TDB TypeA"),
        ((None, "株式会社帝国データバンク", None), "TDB TypeA"),
        (("TOiNX CA", None, None), "TOiNX"),
        ((None, "Tohoku Information Systems Company, Incorporated", None), "TOiNX"),
        (("AOSignCA2", "Nippon Denshi Ninsho Co.Ltd.", None), "AOSign"),
        (("ＡＯＳｉｇｎ", None, None), "AOSign"),
        ((None, "JPKI", "JPKI for user authentication"), "JPKI"),
        ((None, "JPKI for everybody", None), None),
        (("DIACERT", "Outdbound", "TDBX"), None),
        (("bridged demo CA - do not trust", "bridged demo", None), None),
        ((None, None, None), None),
        ((), None),
    ],
)
def test_an_issuer_is_known_by_its_names(names, service: str | None) -> None:
    assert family(names) == service
