from __future__ import annotations

import re

import pytest

from dynamail.content.compiling import CompiledEmail, EmailSource, Kind, Stream, check_email, compile_email
from dynamail.content.links import Link, Utm, safe_link, with_utm
from dynamail.content.problems import ContentError, Where
from dynamail.content.programs import PlainResolver
from tests.content.recipients import DATA, RecordingResolver


def compiled(body: str, kind: Kind = Kind.HTML, **values: object) -> CompiledEmail:
    return compile_email(EmailSource(kind, body, "s", stream=Stream.TRANSACTIONAL, **values))  # type: ignore[arg-type]


def html_of(email: CompiledEmail, resolver: object = None) -> str:
    assert email.html is not None
    return email.html.render(DATA, resolver or PlainResolver())  # type: ignore[arg-type]


def test_links_are_numbered_in_order_with_their_labels() -> None:
    email = compiled(
        '<a href="https://a.example/?x=1&amp;y=2">First <b>one</b></a><a href="https://b.example/{{ contact.count }}">'
        '<img src="https://i.example/x.png" alt="Picture"></a><a href="HTTP://c.example">Third</a>'
    )
    assert email.links == (
        Link(1, "https://a.example/?x=1&y=2", False, "First one"),
        Link(2, "https://b.example/{{ contact.count }}", True, "Picture"),
        Link(3, "HTTP://c.example", False, "Third"),
    )


def test_the_same_address_twice_is_two_links() -> None:
    email = compiled('<a href="https://a.example">x</a><a href="https://a.example">y</a>')
    assert [link.number for link in email.links] == [1, 2]


def test_what_is_not_on_the_web_or_is_ours_is_not_tracked() -> None:
    email = compiled(
        '<a href="mailto:a@b.example">m</a><a href="tel:+1">t</a><a href="#top">f</a><a href="">e</a><a>n</a>'
        '<a href="{{ unsubscribe_url }}">u</a><a href="{{ preferences_url }}?x=1">p</a><a href="{{ view_url }}">v</a>'
        '<a href="mailto:{{ contact.email }}">d</a>'
    )
    assert email.links == ()


def test_outlooks_copy_of_a_button_shares_its_number() -> None:
    email = compiled(
        '<!--[if mso]><v:roundrect href="https://a.example/?a=1&b=2"></v:roundrect><![endif]-->'
        '<!--[if !mso]><!--><a href="https://a.example/?a=1&amp;b=2">Go</a><!--<![endif]-->'
    )
    assert [(link.number, link.label) for link in email.links] == [(1, "Go")]
    assert html_of(email, RecordingResolver()).count('href="https://t.example/1?u=1&amp;v=2"') == 2


def test_the_text_part_carries_the_same_numbers() -> None:
    email = compiled(
        '<p>See <a href="https://a.example/{{ contact.count }}">here</a> or <a href="https://b.example">there</a>.</p>'
    )
    resolver = RecordingResolver()
    assert email.text.render(DATA, resolver) == (
        "See here (https://t.example/1?u=1&v=2) or there (https://t.example/2?u=1&v=2).\n"
    )
    assert resolver.asked == [(1, "https://a.example/12"), (2, "https://b.example")]


def test_an_authors_own_text_part_is_used_and_its_addresses_share_numbers() -> None:
    email = compiled(
        '<a href="https://a.example">x</a>',
        text="Hi {{ contact.email }}: https://a.example and https://new.example/x.",
    )
    assert email.text.render(DATA, RecordingResolver()) == (
        "Hi alex@mail.example: https://t.example/1?u=1&v=2 and https://t.example/2?u=1&v=2."
    )
    assert [(link.number, link.url) for link in email.links] == [
        (1, "https://a.example"),
        (2, "https://new.example/x"),
    ]


def test_plain_text_mail_has_no_html_and_tracks_bare_addresses() -> None:
    email = compiled(
        "Hello {{ contact.name }} & you,\n\nhttps://a.example/{{ contact.count }}?b=1, see.\n", Kind.TEXT
    )
    assert email.html is None
    assert (
        email.text.render(DATA, PlainResolver())
        == "Hello Alex <Morgan> & Co & you,\n\nhttps://a.example/12?b=1, see.\n"
    )
    assert email.links[0].is_dynamic


def test_plain_marketing_gets_a_footer_unless_it_has_its_own() -> None:
    with_footer = compile_email(EmailSource(Kind.TEXT, "Hi", "s"))
    assert "Unsubscribe: https://u.example" in with_footer.text.render(
        DATA, PlainResolver({"unsubscribe": "https://u.example"})
    )
    own = compile_email(EmailSource(Kind.TEXT, "Hi {{ unsubscribe_url }}", "s"))
    assert own.has_own_unsubscribe
    assert own.text.render(DATA, PlainResolver({"unsubscribe": "U"})) == "Hi U"


def test_the_pixel_stands_at_the_end_of_the_body() -> None:
    html = html_of(compiled("<p>x</p>"), RecordingResolver())
    assert re.search(r'<p>x</p><img src="https://t\.example/o\?a=1&amp;b=2"[^>]*></body></html>$', html)


def test_the_subject_is_one_line_of_plain_text() -> None:
    email = compile_email(EmailSource(Kind.HTML, "x", "Hi\n {{ contact.name }}\r\nBcc: x"))
    assert email.subject.render(DATA, PlainResolver()) == "Hi Alex <Morgan> & Co Bcc: x"


def test_the_title_of_mjml_without_one_is_the_subject() -> None:
    source = EmailSource(Kind.MJML, "<mjml><mj-body></mj-body></mjml>", "Hi {{ contact.name }}")
    assert "<title>Hi Alex &lt;Morgan&gt; &amp; Co</title>" in html_of(compile_email(source))


def test_errors_of_all_fields_are_reported_together() -> None:
    with pytest.raises(ContentError) as caught:
        compile_email(EmailSource(Kind.HTML, "{% if a %}", "{{ a", "{% bad %}", text="{{ x | nope }}"))
    assert {problem.where for problem in caught.value.problems} == set(Where)


def test_check_email_gives_errors_or_warnings() -> None:
    assert [p.code for p in check_email(EmailSource(Kind.HTML, "{{ a", "s"))] == ["unclosed"]
    assert [p.code for p in check_email(EmailSource(Kind.HTML, "*|FNAME|*", "s"))] == ["foreign_tag"]
    assert check_email(EmailSource(Kind.HTML, "<p>x</p>", "s")) == []


def test_liquid_with_entities_of_an_editor_works_in_hand_written_html() -> None:
    body = "<p>{% if contact.count &gt; 5 &amp;&amp; 1 %}{% endif %}</p>"
    with pytest.raises(ContentError):
        compiled(body)
    email = compiled(
        '<p title="{{ contact.count&nbsp;| plus: 1 }}">{% if contact.count &gt; 5 %}more{% endif %}{{ x | default: &quot;q&quot; }}</p>'
    )
    assert '<p title="13">moreq</p>' in html_of(email)


@pytest.mark.parametrize(
    "body",
    ["\x00", "a\ud800b", "\x1b[31m", "a\rb", "\ufeffx", "\U000e0001", "é" * 100, "&#x0;", "<p>\x0b</p>"],
)
def test_strange_characters_never_crash(body: str) -> None:
    for kind in (Kind.HTML, Kind.TEXT):
        email = compiled(body, kind)
        email.text.render(DATA, PlainResolver()).encode("utf-8")
        if email.html:
            html_of(email).encode("utf-8")


def test_a_very_large_body_is_refused_clearly() -> None:
    for kind in Kind:
        with pytest.raises(ContentError) as caught:
            compiled("x" * 1_000_001, kind)
        assert "too large" in caught.value.problems[0].sentence


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", "https://a.example?utm_source=n&utm_medium=email&utm_campaign=c+1"),
        (
            "https://a.example/?x=1#f",
            "https://a.example/?x=1&utm_source=n&utm_medium=email&utm_campaign=c+1#f",
        ),
        (
            "https://a.example/?UTM_source=own",
            "https://a.example/?UTM_source=own&utm_medium=email&utm_campaign=c+1",
        ),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("https://[bad", "https://[bad"),
        ("#", "#"),
    ],
)
def test_tags_for_analytics_are_added_to_web_addresses(url: str, expected: str) -> None:
    assert with_utm(url, Utm(source="n", campaign="c 1")) == expected


def test_only_addresses_are_links() -> None:
    assert safe_link(" https://a.example ") == "https://a.example"
    assert safe_link("mailto:a@b.example") == "mailto:a@b.example"
    for bad in ("", "a.example", "javascript:x", "java\nscript:x", "file:///etc/passwd", "\x00https:x"[:1]):
        assert safe_link(bad) == "#"


def test_words_that_look_like_our_tokens_are_words() -> None:
    body = "<p>lqz0n0q lq&#48;n0q lq0123456789abcdefn99q {{ contact.count }}</p>"
    assert "lqz0n0q lq0n0q lq0123456789abcdefn99q 12" in compiled(body).text.render(DATA, PlainResolver())
