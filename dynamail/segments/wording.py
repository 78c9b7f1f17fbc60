"""Conditions, and what is wrong with them, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _

from dynamail.conditions.faults import Fault
from dynamail.segments.counting import TooCostly


def translate_fault(fault: Fault) -> str:
    """The sentence of a fault. Its template is marked for translation where it stands."""
    return _(fault.text) % fault.parameters


def describe_costly(error: TooCostly) -> str:
    """Why a condition was not asked to the end."""
    return str(error)
