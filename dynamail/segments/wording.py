"""Conditions, and what is wrong with them, in the reader's language."""

from __future__ import annotations

from django.utils import translation
from django.utils.translation import gettext as _

from dynamail.conditions.catalog import Catalog
from dynamail.conditions.describing import describe
from dynamail.conditions.faults import Fault
from dynamail.conditions.tree import Condition
from dynamail.segments.counting import TooCostly


def translate_fault(fault: Fault) -> str:
    """The sentence of a fault. Its template is marked for translation where it stands."""
    return _(fault.text) % fault.parameters


def describe_costly(error: TooCostly) -> str:
    """Why a condition was not asked to the end."""
    return str(error)


def describe_condition(condition: Condition, catalog: Catalog) -> str:
    """What a condition means, as a sentence."""
    return describe(condition, catalog, words=translation)
