"""Who and what the demo account is made of."""

from __future__ import annotations

from typing import Any

FIRST = [
    "Anna",
    "Maria",
    "Zoë",
    "Olga",
    "Elena",
    "Irina",
    "Katarzyna",
    "Sophie",
    "Chloé",
    "Ingrid",
    "Hanna",
    "Lucía",
    "Amélie",
    "Nora",
    "Freya",
    "Аня",
    "Ольга",
    "Марыя",
    "Наталля",
    "Вольга",
    "Adam",
    "Jan",
    "Piotr",
    "Lukas",
    "Noah",
    "Émile",
    "Søren",
    "Björn",
    "Ivan",
    "Pavel",
    "Dmitry",
    "Mateusz",
    "Oliver",
    "Hugo",
    "Mateo",
    "Іван",
    "Павел",
    "Андрэй",
    "Сяргей",
    "Янка",
]
LAST = [
    "Kowalska",
    "Novak",
    "Müller",
    "Schmidt",
    "Dubois",
    "Lefèvre",
    "García",
    "Rossi",
    "Jensen",
    "Larsen",
    "Nowak",
    "Horvat",
    "Silva",
    "Costa",
    "Murphy",
    "Byrne",
    "Янкоўская",
    "Купала",
    "Иванов",
    "Петрова",
    "Сидорова",
    "Ковалёв",
    "Зайцева",
    "Sørensen",
    "Åberg",
    "Lindqvist",
    "O'Connor",
    "Weiß",
    "Wójcik",
    "Popescu",
]
CITIES = [
    "Grodno",
    "Minsk",
    "Brest",
    "Warsaw",
    "Kraków",
    "Vilnius",
    "Berlin",
    "Paris",
    "Lisbon",
    "Dublin",
    "København",
    "Praha",
]
PLANS = ("free", "plus", "pro")
CATEGORIES = ("coffee", "tea", "cups", "books")
SEGMENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "Birthday soon",
        "For the card that goes out on Mondays",
        {
            "kind": "attribute",
            "attribute": "birthday",
            "op": "anniversary",
            "value": [{"days": 0}, {"days": 7}],
        },
    ),
    (
        "Regular coffee drinkers",
        "Bought coffee at least twice in 90 days",
        {
            "kind": "event",
            "event": "order.placed",
            "where": [{"property": "category", "op": "equals", "value": "coffee"}],
            "measures": [{"measure": "count", "op": "at_least", "value": 2}],
            "period": {"last_days": 90},
        },
    ),
    (
        "Fell silent",
        "Got mail, opened nothing in 90 days and bought nothing in 180",
        {
            "all": [
                {"kind": "activity", "act": "received"},
                {
                    "kind": "activity",
                    "act": "opened",
                    "times": {"op": "equals", "n": 0},
                    "period": {"last_days": 90},
                },
                {
                    "kind": "event",
                    "event": "order.placed",
                    "measures": [{"measure": "count", "op": "equals", "value": 0}],
                    "period": {"last_days": 180},
                },
            ]
        },
    ),
    (
        "Readers in Belarus who pay",
        "",
        {
            "all": [
                {
                    "kind": "attribute",
                    "attribute": "city",
                    "op": "in",
                    "value": ["Grodno", "Minsk", "Brest"],
                },
                {
                    "any": [
                        {"kind": "attribute", "attribute": "plan", "op": "in", "value": ["plus", "pro"]},
                        {"kind": "attribute", "attribute": "orders", "op": "at_least", "value": 10},
                    ]
                },
            ]
        },
    ),
)
DOMAINS = ("mail.example", "post.example", "inbox.example", "acme-customers.example", "почта.example")
