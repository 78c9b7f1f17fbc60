"""Ready templates that ship with DynaMail. Their files are in `gallery/`; no picture, font or style is loaded from anywhere."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dynamail.content.compiling import EmailSource, Kind

_FOLDER = Path(__file__).parent / "gallery"


class UnknownTemplate(LookupError):
    """There is no ready template of that name."""


@dataclass(frozen=True, slots=True)
class GalleryTemplate:
    """`slug` names it in addresses; the texts are English samples to be replaced."""

    slug: str
    name: str
    description: str
    subject: str
    preheader: str
    categories: tuple[str, ...]
    source: str

    def as_email(self) -> EmailSource:
        return EmailSource(Kind.MJML, self.source, self.subject, self.preheader)


@cache
def list_gallery() -> tuple[GalleryTemplate, ...]:
    """All of them, in the order in which they are shown."""
    catalog = tomllib.loads((_FOLDER / "catalog.toml").read_text("utf-8"))
    return tuple(
        GalleryTemplate(
            slug=entry["slug"],
            name=entry["name"],
            description=entry["description"],
            subject=entry["subject"],
            preheader=entry["preheader"],
            categories=tuple(entry["categories"]),
            source=(_FOLDER / f"{entry['slug']}.mjml").read_text("utf-8"),
        )
        for entry in catalog["template"]
    )


def get_gallery_template(slug: str) -> GalleryTemplate:
    """Raises UnknownTemplate."""
    for template in list_gallery():
        if template.slug == slug:
            return template
    raise UnknownTemplate(slug)
