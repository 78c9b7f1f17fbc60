"""Writes contacts_cp1251.csv: what an address book of a small shop looks like after ten years. The same every time.

    python tests/data/make_contacts.py

5,000 rows below the header, semicolons, Windows-1251: Cyrillic names, repeated addresses in other case, wrong addresses, line
breaks inside cells, quotes, empty cells.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

ROWS = 5_000
HEADER = ["№", "E-mail", "Имя", "Фамилия", "Город", "Дата рождения", "Сумма покупок", "Теги", "Заметка"]
FIRST = [
    "Анна",
    "Ольга",
    "Дарья",
    "Алесь",
    "Янка",
    "Максім",
    "Сяргей",
    "Иван",
    "Пётр",
    "Мария",
    "Елена",
    "Юлия",
    "Тарас",
    "Зоя",
    "Глеб",
    "Фёдор",
    "Уладзіслаў",
    "Таццяна",
]
LAST = [
    "Иванов",
    "Ковалёв",
    "Новік",
    "Шевчук",
    "Петрова",
    "Сидоренко",
    "Быкаў",
    "Колас",
    "Купала",
    "Караткевіч",
    "Жук",
    "Мельник",
    "Савицкая",
    "Цвірка",
]
CITIES = [
    "Минск",
    "Гродно",
    "Брест",
    "Гомель",
    "Витебск",
    "Могилёв",
    "Лида",
    "Пинск",
    "Полоцк",
    "Москва",
    "Вильнюс",
]
DOMAINS = [
    "mail.ru",
    "yandex.by",
    "tut.by",
    "gmail.com",
    "example.by",
    "shop.example",
    "почта.example",
    "outlook.com",
]
TAGS = ["VIP", "опт", "розница", "выставка 2025", "новости"]
WRONG = [
    "",
    "no-at-sign.example",
    "two@@signs.example",
    "space in@middle.example",
    "ivan@",
    "@example.by",
    "ivan@localhost",
    "dots..dots@example.by",
    "ivan@[192.0.2.1]",
    '"broken@example.by',
    "line\nbreak@example.by",
    "<ivan@example.by>",
    "ivan@example..by",
    "нет",
]
LATIN = dict(
    zip(
        "абвгдеёжзійиклмнопрстуўфхцчшщъыьэюя",
        "a b v g d e e zh z i j i k l m n o p r s t u u f h c ch sh sch _ y _ e yu ya".replace(
            "_", "-"
        ).split(),
        strict=True,
    )
)


def make_rows() -> list[list[str]]:
    chance = random.Random(2026)
    rows: list[list[str]] = []
    addresses: list[str] = []
    for number in range(ROWS):
        email = _make_address(chance, number, addresses)
        rows.append([f"№ {number + 1}", email, *_make_person(chance), _make_note(chance)])
    return rows


def _make_address(chance: random.Random, number: int, addresses: list[str]) -> str:
    luck = chance.random()
    if luck < 0.03:
        return chance.choice(WRONG)
    if luck < 0.07 and addresses:
        again = chance.choice(addresses)
        return chance.choice([again, again.upper(), again.title(), f" {again} "])
    name = "".join(LATIN.get(letter, letter) for letter in chance.choice(LAST).lower()).replace("-", "")
    address = f"{name}{number}@{chance.choice(DOMAINS)}"
    addresses.append(address)
    return address


def _make_person(chance: random.Random) -> list[str]:
    birthday = f"{chance.randint(1, 28):02}.{chance.randint(1, 12):02}.{chance.randint(1950, 2007)}"
    spent = f"{chance.randint(0, 9)} {chance.randint(0, 999):03},{chance.randint(0, 99):02}"
    return [
        chance.choice(FIRST),
        chance.choice(LAST),
        chance.choice(CITIES),
        birthday if chance.random() < 0.7 else "",
        spent if chance.random() < 0.6 else "",
        ", ".join(chance.sample(TAGS, chance.randint(0, 2))),
    ]


def _make_note(chance: random.Random) -> str:
    return chance.choice(
        [
            "",
            "",
            "",
            "звонить после 18:00",
            'магазин "Ромашка"; ул. Советская, 5',
            "первая строка\nвторая строка",
            "=1+1",
            "+375 29 123-45-67",
        ]
    )


def main() -> None:
    target = Path(__file__).with_name("contacts_cp1251.csv")
    with target.open("w", encoding="cp1251", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(HEADER)
        writer.writerows(make_rows())


if __name__ == "__main__":
    main()
