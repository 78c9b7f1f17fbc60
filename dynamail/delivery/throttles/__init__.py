"""The parts of throttling: limits as they are looked up (`limits.py`), leases of their tokens (`leases.py`) and what replies teach
(`learning.py`). `delivery/throttling.py` puts them together."""
