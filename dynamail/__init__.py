"""DynaMail."""
