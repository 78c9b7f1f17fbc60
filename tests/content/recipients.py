"""A recipient for tests: links, pixel and pages whose addresses say what they are, with characters that must be escaped."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass
class RecordingResolver:
    asked: list[tuple[int, str]] = field(default_factory=list)
    pixel_address: str = "https://t.example/o?a=1&b=2"

    def link(self, number: int, url: str) -> str:
        self.asked.append((number, url))
        return f"https://t.example/{number}?u=1&v=2"

    def pixel(self) -> str:
        return self.pixel_address

    def url(self, name: str) -> str:
        return f"https://t.example/{name}?k=1&l=2"


DATA: dict[str, object] = {
    "contact": {
        "email": "alex@mail.example",
        "name": "Alex <Morgan> & Co",
        "first_name": "aLEX",
        "hollow": "",
        "nothing": None,
        "no": False,
        "yes": True,
        "zero": 0,
        "count": 12,
        "price": 9.5,
        "born": date(1990, 5, 4),
        "tags": ["a<b", "c"],
        "map": {"size": 3, "first": "F", "inner": {"deep": "d & e"}},
        "site": "https://alex.example/?a=1&b=2",
    },
    "account": {"name": 'A "quoted" account', "postal_address": ""},
    "campaign": {"name": "Spring", "subject": "Hi"},
    "today": date(2026, 3, 12),
    "products": [
        {"name": "Cup", "url": "https://shop.example/1"},
        {"name": "<Mug>", "url": "javascript:alert(1)"},
    ],
}
