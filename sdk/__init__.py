"""The clients of DynaMail's API, and what writes their generated parts."""
