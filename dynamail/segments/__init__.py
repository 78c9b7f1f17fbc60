"""Segments: saved questions about contacts. A definition in the condition language becomes one SQL statement."""
