from __future__ import annotations

import random
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections

from dynamail.accounts.models import Account
from dynamail.accounts.tenancy import account_scope
from dynamail.conditions.catalog import Catalog, KnownAttribute, KnownRow, KnownSegment
from dynamail.conditions.tree import (
    EVERYBODY,
    Act,
    ActivityTest,
    AttributeTest,
    Condition,
    EventTest,
    Field,
    FieldTest,
    Group,
    Match,
    Measure,
    MeasureTest,
    Not,
    Op,
    Period,
    PropertyTest,
    RandomTest,
    SegmentTest,
    SourceTest,
    Standing,
    StandingTest,
    TagTest,
)
from dynamail.contacts.models import Contact, ContactState
from dynamail.lib.ids import new_id
from dynamail.lib.personal_data import REGISTRY, Category
from dynamail.lib.sql import SqlFragment
from dynamail.segments.compiling import compile_condition
from dynamail.segments.contexts import CompileContext, Form
from dynamail.segments.counting import count_exactly
from dynamail.segments.indexing import AttributeIndex
from tests.support.conditions import NOW, make_catalog, random_condition
from tests.support.people import make_contact

CONTEXT = CompileContext(1, NOW, "Pacific/Chatham", "seg_salt")
KEYWORDS = re.findall(
    r"\w+",
    """
    all and any array as between by case coalesce collate count desc distinct else end exists false from group having in is jsonb
    least greatest left length limit max min not null numeric or order select sum then true when where
    bigint bit date integer smallint text timestamptz uuid array_agg jsonb_typeof lower md5 right split_part starts_with strpos substr
""",
)
TABLES = re.findall(
    r"\w+",
    """
    contact known counted returned frozen subscription suppression engagement activity interaction message event custom_event
    frozen_content
""",
)
COLUMNS = re.findall(
    r"\w+",
    """
    account_id id email_key name language timezone state attributes tags source_kind source_id findings created_at contact_id topic_id
    basis changed_at email expires_at reason last_sent_at last_opened_at last_clicked_at sent opened clicked kind at link_number n times
    last_at message_id properties name_id settings
""",
)
WORDS = frozenset((*KEYWORDS, *TABLES, *COLUMNS))
# What stands in quotes: our own words for kinds and states, and an attribute's number.
QUOTED = re.compile(
    r"string|number|boolean|array|object|restricted|bounced|unknown|topic_id|null|\"\"|\[\]|@|x|:|\{\}||\d{1,3}|pg_c_utf8|C"
)
TOKEN = re.compile(
    r"""'(?P<text>[^']*)'|"(?P<collation>[^"]*)"|%s::(?P<type>[a-z]+)|%%|(?P<word>[a-zA-Z_][a-zA-Z_0-9]*)|\d+|[-\s().,=<>|?&#@\[\]:*/+]"""
)


def list_trees(number: int, catalog: Catalog) -> list[Condition]:
    chance = random.Random(7)
    return [random_condition(chance, catalog, 2) for _ in range(number)]


def compile_both(condition: Condition, catalog: Catalog) -> list[SqlFragment]:
    return [compile_condition(condition, catalog, CONTEXT, form=form) for form in Form]


def check_tokens(fragment: SqlFragment) -> None:
    """Every piece of the text is one of ours."""
    place = 0
    while place < len(fragment.text):
        token = TOKEN.match(fragment.text, place)
        assert token, fragment.text[place : place + 40]
        for quoted in (token["text"], token["collation"]):
            assert quoted is None or QUOTED.fullmatch(quoted), quoted
        for word in (token["word"], token["type"]):
            assert word is None or word.lower() in WORDS, word
        place = token.end()


def test_compiled_text_has_only_words_of_ours() -> None:
    catalog = make_catalog()
    for condition in list_trees(400, catalog):
        for fragment in compile_both(condition, catalog):
            check_tokens(fragment)
            assert fragment.text.count("%s") == len(fragment.parameters)


GARBAGE = (
    "'; DROP TABLE contact; --",
    '"',
    "%s",
    "%(name)s",
    "100%",
    "{}",
    "{0.__class__}",
    "$1",
    "\\",
    "/* wanted */",
    "a\x00b",
    "\ud800",
    "İ" * 2000,
)


def list_garbage_conditions(text: str) -> list[Condition]:
    count = MeasureTest(Measure.COUNT, Op.AT_LEAST, Decimal(2))
    return [
        *(
            AttributeTest(key, op, text)
            for key in ("text", text)
            for op in (Op.EQUALS, Op.CONTAINS, Op.BEGINS, Op.ENDS)
        ),
        AttributeTest("text", Op.IN, (text, "b")),
        AttributeTest("list", Op.HAS_ALL, (text, "b")),
        AttributeTest("date", Op.EQUALS, text),
        *(FieldTest(field, Op.CONTAINS, text) for field in (Field.NAME, Field.EMAIL)),
        TagTest(Op.HAS_ANY, (text,)),
        SourceTest(text, text),
        SegmentTest(text),
        StandingTest(Standing.SUPPRESSED, reason=text),
        EventTest(text),
        EventTest(
            "order.placed",
            (PropertyTest(text, Op.EQUALS, text),),
            (count, MeasureTest(Measure.SUM, Op.MORE, Decimal(1), text)),
        ),
        EventTest("order.placed", (PropertyTest("a", Op.HAS_ANY, (text,)),)),
        EventTest("order.placed", (), (MeasureTest(Measure.LAST, Op.CONTAINS, text, text),)),
        RandomTest(Decimal(10), text),
    ]


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_what_people_write_stays_in_parameters(account: Account, text: str) -> None:
    catalog = make_catalog()
    with account_scope(account), connections["default"].cursor() as cursor:
        for condition in list_garbage_conditions(text):
            for fragment in compile_both(condition, catalog):
                check_tokens(fragment)
                cursor.execute(
                    f"SELECT count(*) FROM contact WHERE account_id = %s AND ({fragment.text})",
                    [account.pk, *fragment.parameters],
                )


@pytest.mark.promise("P2.1")
def test_a_segment_reads_no_technical_column() -> None:
    technical = {
        column
        for columns in REGISTRY.values()
        for column, note in columns.items()
        if getattr(note, "category", None) in (Category.TECHNICAL, Category.CREDENTIAL)
    }
    assert technical
    assert not technical & WORDS, "a column that segments name is technical somewhere"
    catalog = make_catalog()
    for condition in list_trees(150, catalog):
        for fragment in compile_both(condition, catalog):
            tables = set(re.findall(r"FROM (\w+) AS", fragment.text))
            assert tables <= set(TABLES) - {"contact"}


def test_every_table_of_a_condition_is_held_to_the_account() -> None:
    """The statement may run above row-level security."""
    catalog = make_catalog()
    for condition in list_trees(150, catalog):
        for fragment in compile_both(condition, catalog):
            held = re.findall(r"FROM \w+ AS (\w+) WHERE \(?\1\.account_id = %s::bigint", fragment.text)
            assert len(held) == len(re.findall(r"FROM (?!\()", fragment.text)), fragment.text


@pytest.mark.promise("P8.3")
def test_restricted_contacts_are_in_no_segment(account: Account) -> None:
    for place, state in enumerate(ContactState):
        make_contact(account, f"person{place}@mail.example", state=state)
    catalog = make_catalog()
    for condition in (EVERYBODY, *list_trees(40, catalog)):
        for fragment in compile_both(condition, catalog):
            rows = Contact.objects.for_account(account).extra(
                where=[fragment.text], params=fragment.parameters
            )
            assert ContactState.RESTRICTED not in set(rows.values_list("state", flat=True))
    fragment = compile_condition(EVERYBODY, catalog, CONTEXT, include_restricted=True)
    assert fragment.text == "TRUE"
    assert count_exactly(account.pk, EVERYBODY, now=NOW).number == 2


def test_a_list_page_shows_restricted_contacts_except_those_of_a_segment() -> None:
    inner = KnownSegment(new_id(), "Inner", FieldTest(Field.NAME, Op.FILLED))
    catalog = Catalog(segments={"seg_a": inner})
    asked = compile_condition(SegmentTest("seg_a"), catalog, CONTEXT, include_restricted=True)
    assert asked.text == "(NOT contact.state = 'restricted' AND contact.name <> '')"
    asked = compile_condition(SegmentTest("seg_a", negated=True), catalog, CONTEXT, include_restricted=True)
    assert asked.text == "(contact.state = 'restricted' OR NOT contact.name <> '')"


def test_negations_reach_the_leaves_where_the_planner_sees_them() -> None:
    opened = ActivityTest(Act.OPENED, period=Period(last_days=30))
    tagged = TagTest(Op.HAS_ANY, ("tag",))
    catalog = Catalog(tags={"tag": KnownRow(1, "Tag")})
    text = compile_condition(Not(Group(Match.ANY, (opened, tagged))), catalog, CONTEXT).text
    assert text.startswith("(NOT contact.state = 'restricted' AND (NOT EXISTS (SELECT FROM engagement")
    text = compile_condition(Not(Not(opened)), catalog, CONTEXT).text
    assert " AND EXISTS (SELECT FROM engagement" in text


def test_segments_in_a_circle_have_nobody() -> None:
    catalog = Catalog(
        segments={
            "seg_a": KnownSegment(new_id(), "A", SegmentTest("seg_b", negated=True)),
            "seg_b": KnownSegment(new_id(), "B", SegmentTest("seg_a")),
        }
    )
    assert compile_condition(SegmentTest("seg_b"), catalog, CONTEXT, include_restricted=True).text != ""
    assert (
        compile_condition(SegmentTest("seg_a"), Catalog(), CONTEXT, include_restricted=True).text == "FALSE"
    )


def test_a_share_of_chance_inside_a_segment_is_that_segments_own() -> None:
    half = RandomTest(Decimal(50))
    catalog = Catalog(segments={"seg_a": KnownSegment(new_id(), "A", half)})
    assert "seg_a" in compile_condition(SegmentTest("seg_a"), catalog, CONTEXT).parameters
    assert "seg_salt" in compile_condition(half, catalog, CONTEXT).parameters


def test_the_tests_of_an_attribute_are_those_of_its_index() -> None:
    catalog = Catalog(attributes={"age": KnownAttribute(3, "age", "Age", "number")})
    text = compile_condition(AttributeTest("age", Op.AT_LEAST, Decimal(40)), catalog, CONTEXT).text
    expression = AttributeIndex(3, "number").expression.replace("attributes", "contact.attributes")
    assert f"{expression} >= %s::numeric" in text


def test_a_period_ends_now(account: Account) -> None:
    make_contact(account, "later@mail.example")
    soon = NOW + timedelta(days=400)
    lately = FieldTest(Field.CREATED, Op.AFTER, NOW)
    assert count_exactly(account.pk, lately, now=soon).number == 1
