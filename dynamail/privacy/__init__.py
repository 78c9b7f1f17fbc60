"""Promises about data, kept by construction: policies and their acceptance, inventory, retention."""
