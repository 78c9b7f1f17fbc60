from __future__ import annotations

import pytest

from dynamail.lib.sealing import CannotOpen
from dynamail.protocols.dkim import DkimAlgorithm
from dynamail.senders.dkim_keys import open_private_key, seal_private_key
from tests.support.sending_domains import private_key_of


@pytest.mark.promise("P2.2")
def test_a_sealed_key_opens_only_where_it_belongs() -> None:
    key = private_key_of(DkimAlgorithm.RSA)
    sealed = seal_private_key(7, "acme.example", "dm1r", key)
    assert key not in sealed
    assert open_private_key(7, "acme.example", "dm1r", sealed) == key
    for place in ((8, "acme.example", "dm1r"), (7, "other.example", "dm1r"), (7, "acme.example", "dm2r")):
        with pytest.raises(CannotOpen):
            open_private_key(*place, sealed)
