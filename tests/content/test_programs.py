from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamail.content.links import Utm
from dynamail.content.problems import ContentError
from dynamail.content.programs import (
    LinkSlot,
    LiquidSlot,
    PathSlot,
    PixelSlot,
    PlainResolver,
    UrlSlot,
    make_program,
    render_whole,
)
from tests.content.recipients import DATA, RecordingResolver

_PATHS = [
    "contact.email",
    "contact.name",
    "contact.first_name",
    "contact.hollow",
    "contact.nothing",
    "contact.no",
    "contact.yes",
    "contact.zero",
    "contact.count",
    "contact.price",
    "contact.born",
    "contact.tags",
    "contact.map",
    "contact.map.size",
    "contact.map.first",
    "contact.map.inner.deep",
    "contact.tags.size",
    "contact.tags.first",
    "contact.tags[0]",
    "contact['name']",
    "contact.email.size",
    "contact.email.x",
    "contact.missing.deeper",
    "contact",
    "account.name",
    "today",
    "unknown",
    "unsubscribe_url",
    "view_url",
    "a",
    "n",
]
_FILTERS = [
    "default: 'you'",
    "default: ''",
    "default: 5",
    "default",
    "default: contact.email",
    "default: '<b>', allow_false: true",
    "upcase",
    "downcase",
    "capitalize",
    "strip",
    "escape",
    "append: '!'",
    "append: 3",
    "prepend: '<'",
    "date: '%Y'",
    "date: '%d.%m'",
    "truncate: 5",
    "size",
    "first",
    "join: ', '",
    "url_encode",
    "times: 2",
    "newline_to_br",
    "split: ''",
    "replace: 'a', '<'",
]
_output = st.builds(
    lambda path, filters: "{{ " + " | ".join([path, *filters]) + " }}",
    st.sampled_from(_PATHS),
    st.lists(st.sampled_from(_FILTERS), max_size=3),
)
_text = st.sampled_from(["", " ", "x", "<p>", "é\n", "  \n ", "&amp;"])
_inline = st.one_of(
    _output,
    _text,
    st.sampled_from(
        [
            "{% assign a = contact.name %}",
            "{% assign a = 'lit<' | upcase %}",
            "{% capture a %}[{{ contact.name }}]{% endcapture %}",
            "{% increment n %}",
            "{% decrement n %}",
            "{% cycle 'one', 'two<' %}",
            "{% comment %}{{ nothing }}{% endcomment %}",
            "{% raw %}{{ raw }}{% endraw %}",
            "{%- # note -%}",
            "{{- contact.count -}}",
            "{% echo contact.name | upcase %}",
            "{% liquid assign a = 'x'\n echo a %}",
            "{% dynamail_link 1 %}https://x.example/?a=1&b=2{% enddynamail_link %}",
            "{% dynamail_link 2 %}{{ contact.site }}{% enddynamail_link %}",
            "{% dynamail_link 3 %}https://x.example/{{ contact.name | url_encode }}{% enddynamail_link %}",
            "{% dynamail_link 4 %}{{ contact.name }}{% enddynamail_link %}",
            "{% dynamail_pixel %}",
            "{% for x in contact.tags limit: 1 %}{{ x }}{% endfor %}{% for x in contact.tags offset: continue %}{{ x }}{% endfor %}",
        ]
    ),
)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=4).map("".join)
    return st.one_of(
        body,
        st.builds("{{% if contact.count > 5 %}}{}{{% else %}}{}{{% endif %}}".format, body, body),
        st.builds("{{%- unless contact.no -%}}{}{{%- endunless -%}}".format, body),
        st.builds("{{% for p in products %}}{{{{ p.name }}}}{}{{% endfor %}}".format, body),
        st.builds(
            "{{% case contact.count %}}{{% when 12 %}}{}{{% else %}}{}{{% endcase %}}".format, body, body
        ),
        st.builds("{{% capture a %}}{}{{% endcapture %}}{{{{ a }}}}".format, body),
    )


_templates = st.lists(st.recursive(_inline, _blocks, max_leaves=8), max_size=6).map("".join)


@settings(max_examples=500, deadline=None)
@given(_templates, st.booleans())
def test_a_program_writes_what_the_whole_template_writes(source: str, is_html: bool) -> None:
    program = make_program(source, is_html=is_html)
    assert len(program.statics) == len(program.slots) + 1
    try:
        expected = render_whole(program, DATA, RecordingResolver())
    except ContentError:
        with pytest.raises(ContentError):
            program.render(DATA, RecordingResolver())
        return
    assert program.render(DATA, RecordingResolver()) == expected


@settings(max_examples=300, deadline=None)
@given(_output, st.booleans())
def test_a_single_output_is_the_same_in_both_ways(source: str, is_html: bool) -> None:
    test_a_program_writes_what_the_whole_template_writes.hypothesis.inner_test(source, is_html)  # type: ignore[attr-defined]


def test_simple_outputs_do_not_enter_the_engine() -> None:
    program = make_program(
        "a {{ contact.first_name | default: 'you' | upcase }} b {{ account.name }}", is_html=True
    )
    assert program.slots == (
        PathSlot(("contact", "first_name"), (("default", ("you",)), ("upcase", ()))),
        PathSlot(("account", "name")),
    )
    assert program.statics == ("a ", " b ", "")


def test_slots_and_statics_interleave() -> None:
    program = make_program("{{ contact.email }}x{{ account.name }}", is_html=False)
    values = program.render_slots(DATA, PlainResolver())
    assert values == ["alex@mail.example", 'A "quoted" account']
    assert program.join(values) == 'alex@mail.examplexA "quoted" account'


def test_an_assigned_name_reaches_later_slots() -> None:
    source = "{% if contact.yes %}{% assign who = 'first' %}{% endif %}1 {{ who }} 2{% assign who = 'second' %} {{ who }}"
    assert make_program(source, is_html=False).render(DATA, PlainResolver()) == "1 first 2 second"


def test_kinds_of_slots_are_typed() -> None:
    source = (
        "<a href='{% dynamail_link 1 %}https://x.example{% enddynamail_link %}'></a>{{ unsubscribe_url }}"
        "{% dynamail_pixel %}{% if contact.yes %}{{ unsubscribe_url }}{% endif %}"
    )
    program = make_program(source, is_html=True)
    link, url, pixel, region = program.slots
    assert isinstance(link, LinkSlot)
    assert link.url_program.statics == ("https://x.example",)
    assert url == UrlSlot("unsubscribe")
    assert pixel == PixelSlot()
    assert isinstance(region, LiquidSlot)


def test_addresses_are_escaped_in_html_only() -> None:
    source = "{% dynamail_link 1 %}https://x.example/{% enddynamail_link %} {{ view_url }}"
    assert make_program(source, is_html=True).render(DATA, RecordingResolver()) == (
        "https://t.example/1?u=1&amp;v=2 https://t.example/view?k=1&amp;l=2"
    )
    assert make_program(source, is_html=False).render(DATA, RecordingResolver()) == (
        "https://t.example/1?u=1&v=2 https://t.example/view?k=1&l=2"
    )


def test_the_resolver_is_asked_for_every_copy_of_a_link_in_a_loop_with_its_plain_address() -> None:
    source = "{% for p in products %}{% dynamail_link 7 %}{{ p.url }}{% enddynamail_link %} {% endfor %}"
    resolver = RecordingResolver()
    make_program(source, is_html=True).render(DATA, resolver)
    assert resolver.asked == [(7, "https://shop.example/1"), (7, "#")]


def test_data_cannot_bring_a_dangerous_scheme_into_a_link() -> None:
    resolver = RecordingResolver()
    source = "{% dynamail_link 1 %}{{ contact.name }}{% enddynamail_link %}"
    for evil in (
        "javascript:alert(1)",
        " JaVa\tScript:x",
        "data:text/html,x",
        "vbscript:x",
        "//evil.example",
        "x",
    ):
        make_program(source, is_html=True).render({"contact": {"name": evil}}, resolver)
    assert resolver.asked == [(1, "#")] * 6


def test_tags_for_analytics_are_added_to_plain_and_dynamic_links() -> None:
    source = (
        "{% dynamail_link 1 %}https://x.example/?a=1{% enddynamail_link %}"
        "{% dynamail_link 2 %}{{ contact.site }}{% enddynamail_link %}"
        "{% if contact.yes %}{% dynamail_link 3 %}{{ contact.site }}{% enddynamail_link %}{% endif %}"
    )
    resolver = RecordingResolver()
    make_program(source, is_html=True, utm=Utm(source="news")).render(DATA, resolver)
    assert [url for _number, url in resolver.asked] == [
        "https://x.example/?a=1&utm_source=news&utm_medium=email",
        "https://alex.example/?a=1&b=2&utm_source=news&utm_medium=email",
        "https://alex.example/?a=1&b=2&utm_source=news&utm_medium=email",
    ]


def test_without_a_pixel_address_there_is_no_image() -> None:
    program = make_program("x{% dynamail_pixel %}", is_html=True)
    assert program.render(DATA, RecordingResolver(pixel_address="")) == "x"
    assert "a=1&amp;b=2" in program.render(DATA, RecordingResolver())


def test_one_recipients_state_does_not_reach_the_next() -> None:
    program = make_program(
        "{% increment n %}{% cycle 'a', 'b' %}{% assign x = contact.email %}{{ x }}", is_html=False
    )
    first, second = {"contact": {"email": "1"}}, {"contact": {"email": "2"}}
    assert [program.render(data, PlainResolver()) for data in (first, second, first)] == ["0a1", "0a2", "0a1"]


def test_the_output_limit_holds_for_all_slots_together() -> None:
    source = "{% capture a %}" + "x" * 150_000 + "{% endcapture %}" + "{{ a }} " * 20
    with pytest.raises(ContentError) as caught:
        make_program(source, is_html=False).render({}, PlainResolver())
    assert caught.value.problems[0].code == "output_limit"
