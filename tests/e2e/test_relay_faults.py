"""Relays that refuse, drop or stall at each stage, and a database that goes away: nothing is lost."""
