"""A synthetic account in SQL: contacts with attributes, tags and consent, a year of campaigns, and what people did with them.

For a million contacts about twenty million facts: messages, opens and clicks, and the account's own events, with `engagement` and
`interaction` summed from them as the product keeps them. Everything follows from a number and a hash, so each run has the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from dynamail.lib.ids import new_id

CAMPAIGNS = 48  # over the last twelve months
ATTRIBUTES = (
    ("country", "choice"),
    ("plan", "choice"),
    ("age", "number"),
    ("city", "text"),
    ("gender", "choice"),
    ("birthday", "date"),
    ("last_visit", "time"),
    ("points", "number"),
    ("vip", "boolean"),
    ("interests", "list"),
    ("company", "text"),
    ("card", "text"),
)
TABLES = (
    "contact",
    "subscription",
    "message",
    "activity",
    "interaction",
    "engagement",
    "custom_event",
    "event",
)

# A number from 0 to 999,999 that follows from a row's number and a word.
CHANCE = "(hashtextextended({number}::text, {salt}) & 1048575) * 1000000 / 1048576"
UUID7 = (
    "(lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0') || '7' || substr({digest}, 1, 3) || '8' || "
    "substr({digest}, 4, 15))::uuid"
)
INSERT_CONTACTS = """
INSERT INTO contact (account_id, id, email, email_key, name, attributes, tags, state, language, timezone, lane, sample, source_kind,
    source_id, source_label, created_at, updated_at, findings)
SELECT %(account)s, {id}, email, email, 'Person Number ' || number,
    jsonb_build_object(
        '1', (CASE WHEN a < 120000 THEN 'DE' WHEN a < 340000 THEN 'US' WHEN a < 450000 THEN 'FR' WHEN a < 550000 THEN 'GB'
            WHEN a < 640000 THEN 'PL' WHEN a < 720000 THEN 'ES' WHEN a < 800000 THEN 'IT' WHEN a < 860000 THEN 'BY'
            WHEN a < 910000 THEN 'NL' WHEN a < 950000 THEN 'SE' WHEN a < 980000 THEN 'AT' ELSE 'CH' END),
        '2', (CASE WHEN b < 700000 THEN 'free' WHEN b < 920000 THEN 'pro' ELSE 'team' END),
        '3', 18 + c %% 63, '4', 'City ' || d %% 800, '5', (CASE WHEN d %% 2 = 0 THEN 'f' ELSE 'm' END),
        '6', to_char(date '1946-01-01' + (d %% 22000)::int, 'YYYY-MM-DD'),
        '7', to_char(%(now)s::timestamptz - make_interval(hours => (c %% 9000)::int), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        '8', a %% 5000) || jsonb_build_object('9', b %% 20 = 0,
        '10', jsonb_build_array('interest ' || a %% 12, 'interest ' || 12 + b %% 12), '11', 'Company ' || b %% 20000,
        '12', lpad(number::text, 10, '0')),
    ARRAY[%(tags)s::bigint + a %% 10, %(tags)s + 10 + b %% 20, %(tags)s + 30 + c %% 20]::bigint[],
    CASE WHEN c < 2000 THEN 'restricted' WHEN c < 20000 THEN 'suppressed' ELSE 'active' END,
    (ARRAY['de', 'en', 'fr', ''])[1 + a %% 4], (ARRAY['', '', 'Europe/Berlin', 'America/New_York'])[1 + b %% 4], a %% 5,
    d %% 1000, 'import', '', '', created_at, created_at, CASE WHEN b < 30000 THEN 1 ELSE 0 END
FROM (
    SELECT number, 'person' || number || '@inbox' || number %% 40 || '.example' AS email, md5(number || 'contact') AS digest,
        {a} AS a, {b} AS b, {c} AS c, {d} AS d,
        %(now)s::timestamptz - make_interval(secs => 40000000.0 * (1 - number::float / %(size)s)) AS created_at
    FROM generate_series(1, %(size)s) AS number
) AS made
"""
MAKE_PERSON = """
CREATE TEMPORARY TABLE person ON COMMIT PRESERVE ROWS AS
SELECT id, row_number() OVER (ORDER BY id) AS number, state FROM contact WHERE account_id = %(account)s
"""
INSERT_SUBSCRIPTIONS = """
INSERT INTO subscription (account_id, topic_id, contact_id, state, basis, tracking_allowed, changed_at)
SELECT %(account)s, topic, id, CASE WHEN {a} < 850000 THEN 'subscribed' ELSE 'unsubscribed' END, 'consent', true, %(now)s
FROM person, unnest(%(topics)s::bigint[]) AS topic
WHERE {b} < 600000
"""
INSERT_SUPPRESSIONS = """
INSERT INTO suppression (account_id, address_hash, scope, email, reason, detail, at, source_kind, source_id)
SELECT %(account)s, decode(md5(email_key), 'hex'), 'all', email_key, 'hard_bounce', '', %(now)s, '', ''
FROM contact WHERE account_id = %(account)s AND state = 'suppressed'
"""
# Each contact gets one campaign in six.
MAKE_MAILED = """
CREATE TEMPORARY TABLE mailed ON COMMIT PRESERVE ROWS AS
SELECT person.id AS contact_id, campaign.id AS source_id, campaign.at AS launched_at, {roll} AS roll,
    md5(person.number || ':' || campaign.place) AS digest,
    campaign.at + make_interval(secs => person.number::float / %(size)s * 3600) AS at
FROM campaign, person
WHERE {share} < 166667
"""
INSERT_MESSAGES = """
INSERT INTO message (account_id, id, at, source_kind, source_id, contact_id, recipient, domain, state)
SELECT %(account)s, {id}, at, 'campaign', source_id, contact_id, 'person@inbox.example', 'inbox.example',
    CASE WHEN roll < 20000 THEN 'bounced' WHEN roll < 25000 THEN 'unknown' ELSE 'delivered' END
FROM mailed
ORDER BY at
"""
INSERT_FEEDBACK = """
INSERT INTO event (account_id, id, at, kind, contact_id, message_id, source_kind, source_id, data)
SELECT %(account)s, {id}, at + interval '1 minute',
    CASE WHEN roll < 30000 THEN 'message.bounced' WHEN roll < 31000 THEN 'message.complained' ELSE 'message.replied' END,
    contact_id, {message}, 'campaign', source_id, '{{}}'
FROM mailed WHERE roll < 20000 OR roll BETWEEN 25000 AND 33000
"""
# People differ: who opened often opens more. Each open stands in one to three quarters of an hour, each click in one.
INSERT_ACTIVITY = """
INSERT INTO activity (account_id, kind, at, contact_id, source_id, link_number, n)
SELECT %(account)s, act.kind,
    date_bin('15 minutes', at + make_interval(mins => ('x' || substr(digest, act.turn, 3))::bit(12)::int * 2 + act.turn * 5000),
        '2000-01-01'),
    contact_id, source_id, act.link, 1 + (roll %% 7 = 0)::int
FROM mailed, (VALUES
    ('opened', -1, 1, 600000), ('opened', -1, 4, 300000), ('opened', -1, 7, 90000),
    ('clicked', 1, 2, 110000), ('clicked', 2, 5, 40000)
) AS act (kind, link, turn, likely)
WHERE roll >= 40000 AND 1000000 - roll < act.likely
    AND at + make_interval(mins => ('x' || substr(digest, act.turn, 3))::bit(12)::int * 2 + act.turn * 5000) < %(now)s
ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
"""
INSERT_INTERACTIONS = """
INSERT INTO interaction (account_id, source_id, kind, contact_id, link_number, first_at, last_at, times)
SELECT %(account)s, source_id, kind, contact_id, -1, min(at), max(at), sum(n)
FROM activity WHERE account_id = %(account)s GROUP BY source_id, kind, contact_id
UNION ALL
SELECT %(account)s, source_id, kind, contact_id, link_number, min(at), max(at), sum(n)
FROM activity WHERE account_id = %(account)s AND kind = 'clicked' GROUP BY source_id, kind, contact_id, link_number
"""
INSERT_ENGAGEMENT = """
INSERT INTO engagement (account_id, contact_id, last_sent_at, last_opened_at, last_clicked_at, sent, opened, clicked)
SELECT %(account)s, contact_id, max(sent_at), max(opened_at), max(clicked_at), sum(sent), sum(opened), sum(clicked)
FROM (
    SELECT contact_id, max(at) AS sent_at, NULL::timestamptz AS opened_at, NULL::timestamptz AS clicked_at, count(*) AS sent,
        0 AS opened, 0 AS clicked
    FROM message WHERE account_id = %(account)s AND state = 'delivered' GROUP BY contact_id
    UNION ALL
    SELECT contact_id, NULL, max(at) FILTER (WHERE kind = 'opened'), max(at) FILTER (WHERE kind = 'clicked'), 0,
        coalesce(sum(n) FILTER (WHERE kind = 'opened'), 0), coalesce(sum(n) FILTER (WHERE kind = 'clicked'), 0)
    FROM activity WHERE account_id = %(account)s GROUP BY contact_id
) AS facts
GROUP BY contact_id
"""
INSERT_OWN_EVENTS = """
INSERT INTO custom_event (account_id, id, name_id, contact_id, at, properties)
SELECT %(account)s, {id}, CASE WHEN turn <= 2 THEN %(order)s ELSE %(view)s END, contact_id, at,
    CASE WHEN turn <= 2 THEN jsonb_build_object('category', (ARRAY['shoes', 'hats', 'coats', 'bags'])[1 + roll %% 4],
        'total', 5 + roll %% 30000 / 100.0, 'paid', roll %% 9 > 0)
    ELSE jsonb_build_object('page', '/page/' || roll %% 300, 'seconds', roll %% 400) END
FROM (
    SELECT id AS contact_id, turn, {roll} AS roll, md5(number || 'event' || turn) AS digest,
        %(now)s::timestamptz - make_interval(secs => {age} * 31.5) AS at
    FROM person, generate_series(1, 6) AS turn
    WHERE {share} < 830000
) AS made
ORDER BY at
"""


@dataclass(frozen=True)
class BenchAccount:
    id: int
    size: int
    facts: int
    seconds: float
    campaigns: list[UUID]


def make_account(cursor: Any, *, size: int, now: datetime) -> BenchAccount:
    """`size` contacts and twenty times as many facts. The cursor's role has to be above row-level security."""
    from dynamail.accounts.models import Account
    from dynamail.lib.partitions import ensure_partitions

    started = time.perf_counter()
    ensure_partitions(cursor, now=now, months_back=13)
    account = Account.objects.create(name=f"Bench {size}", timezone="Europe/Berlin")
    parameters = {"account": account.pk, "size": size, "now": now} | _make_catalog(account)
    campaigns = _make_campaigns(cursor, account, parameters["topics"], now)
    cursor.execute("SET synchronous_commit = off")
    for statement in _list_statements():
        cursor.execute(statement, parameters)
    cursor.execute("DROP TABLE person, mailed, campaign")
    cursor.execute(f"VACUUM (ANALYZE) {', '.join(TABLES)}")
    cursor.execute(
        "SELECT (SELECT count(*) FROM message WHERE account_id = %(id)s) + (SELECT count(*) FROM activity WHERE account_id = %(id)s)"
        " + (SELECT count(*) FROM custom_event WHERE account_id = %(id)s)",
        {"id": account.pk},
    )
    return BenchAccount(account.pk, size, cursor.fetchone()[0], time.perf_counter() - started, campaigns)


@contextmanager
def bulk_indexes(cursor: Any) -> Iterator[None]:
    """Take the plain indexes of the large tables away while rows are put in, and build them at the end: minutes less."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes JOIN pg_class ON relname = indexname WHERE tablename = ANY(%s)"
        " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = pg_class.oid) AND NOT relispartition",
        [list(TABLES)],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    cursor.execute("SET maintenance_work_mem = '1GB'")
    for _, definition in indexes:
        cursor.execute(definition.replace(" ON ONLY ", " ON "))


def _make_catalog(account: Any) -> dict[str, Any]:
    from dynamail.consent.models import Topic
    from dynamail.contacts.models import Attribute, Tag
    from dynamail.events.models import EventName

    for number, (key, kind) in enumerate(ATTRIBUTES, start=1):
        Attribute.objects.add(account, number=number, key=key, label=key.title(), type=kind)
    tags = [Tag.objects.add(account, name=f"tag {number}").pk for number in range(50)]
    topics = [
        Topic.objects.add(account, name=name, tracking="individual").pk
        for name in ("News", "Offers", "Events")
    ]
    order, view = (EventName.objects.add(account, name=name).pk for name in ("order.placed", "page.viewed"))
    return {"tags": tags[0], "topics": topics, "order": order, "view": view}


def _make_campaigns(cursor: Any, account: Any, topics: list[int], now: datetime) -> list[UUID]:
    from datetime import timedelta

    from dynamail.messages.models import FrozenContent

    cursor.execute(
        "CREATE TEMPORARY TABLE campaign (place int, id uuid, at timestamptz) ON COMMIT PRESERVE ROWS"
    )
    ids = []
    for place in range(CAMPAIGNS):
        at = now - timedelta(days=2 + (CAMPAIGNS - 1 - place) * 7.5)
        ids.append(new_id(at))
        settings = {"topic_id": topics[place % 3], "campaign_name": f"Campaign {place + 1}"}
        FrozenContent.objects.add(
            account, id=ids[-1], kind="text", source={}, sender={}, settings=settings, created_at=at
        )
        cursor.execute("INSERT INTO campaign VALUES (%s, %s, %s)", [place, ids[-1], at])
    return ids


def _list_statements() -> list[str]:
    def chance(salt: int, number: str = "number") -> str:
        return CHANCE.format(number=number, salt=salt)

    message_id = UUID7.format(at="launched_at", digest="digest")
    turn, pair = "(number || ':' || turn)", "(person.number || ':' || campaign.place)"
    return [
        INSERT_CONTACTS.format(
            id=UUID7.format(at="created_at", digest="digest"),
            a=chance(1),
            b=chance(2),
            c=chance(3),
            d=chance(4),
        ),
        MAKE_PERSON,
        INSERT_SUBSCRIPTIONS.format(
            a=chance(5, "(number || ':' || topic)"), b=chance(6, "(number || ':' || topic)")
        ),
        INSERT_SUPPRESSIONS,
        # The roll leans toward what the person usually does.
        MAKE_MAILED.format(
            roll=f"({chance(7, 'person.number')} + {chance(8, pair)}) / 2", share=chance(9, pair)
        ),
        INSERT_MESSAGES.format(id=message_id),
        INSERT_FEEDBACK.format(id=UUID7.format(at="at", digest="md5(digest)"), message=message_id),
        INSERT_ACTIVITY,
        INSERT_INTERACTIONS,
        INSERT_ENGAGEMENT,
        INSERT_OWN_EVENTS.format(
            id=UUID7.format(at="at", digest="digest"),
            roll=chance(10, turn),
            age=chance(11, turn),
            share=chance(12, turn),
        ),
    ]
