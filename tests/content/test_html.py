from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamail.content.compiling import EmailSource, Kind, Stream, compile_email
from dynamail.content.html import clean_html, has_unsubscribe
from dynamail.content.markup import scan_markup
from dynamail.content.problems import ContentError
from dynamail.content.programs import PlainResolver
from dynamail.content.protecting import Protected
from tests.content.recipients import DATA


def cleaned(html: str) -> str:
    protected = Protected(html)
    return protected.restore(clean_html(protected.text, protected)[0])


def sent(body: str, data: dict[str, object] | None = None, **values: object) -> str:
    email = compile_email(EmailSource(Kind.HTML, body, "s", stream=Stream.TRANSACTIONAL, **values))  # type: ignore[arg-type]
    assert email.html is not None
    return email.html.render(DATA if data is None else data, PlainResolver())


class _Danger(HTMLParser):
    """What a browser could run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in (
            "script",
            "iframe",
            "object",
            "embed",
            "form",
            "base",
            "link",
            "svg",
            "math",
            "frame",
            "applet",
        ):
            self.found.append(tag)
        for name, value in attrs:
            flat = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if (
                name.startswith("on")
                or flat.startswith(("javascript:", "vbscript:", "data:text"))
                or name == "srcdoc"
            ):
                self.found.append(f"{tag} {name}={value}")

    def handle_comment(self, data: str) -> None:
        inside = _Danger()
        inside.feed(data)
        self.found += inside.found


def dangers(html: str) -> list[str]:
    reader = _Danger()
    reader.feed(html)
    reader.close()
    return reader.found


XSS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example></SCRIPT>",
    "<script/x>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x OnErRoR =alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<img src='x'onerror='alert(1)'>",
    '<img src="x" title="--><script>alert(1)</script>">',
    "<img src=`x`onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java&#10;script:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='javascript&colon;alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href='vbscript:x'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<iframe src='https://evil.example'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='x'></object><embed src='x'>",
    "<form action='https://evil.example'><input name=q><button formaction=x>y</button></form>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv='refresh' content='0;url=https://evil.example'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<style>@import url(https://evil.example/x.css);</style>",
    "<style>a{background:url(javascript:alert(1))}</style>",
    "<style></style><script>alert(1)</script>",
    "<style><!--</style><script>alert(1)</script>--></style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<p style='width:expression(alert(1))'>x</p>",
    "<p style='width:exp/**/ression(alert(1))'>x</p>",
    "<p style='width:\\65xpression(alert(1))'>x</p>",
    "<p style='behavior:url(x.htc)'>x</p>",
    "<p style='-moz-binding:url(x)'>x</p>",
    "<!--[if mso]><script>alert(1)</script><![endif]-->",
    "<!--[if mso]><img src=x onerror=alert(1)><![endif]-->",
    "<!--[if !mso]><!--><script>alert(1)</script><!--<![endif]-->",
    "<!--[if mso]>--><script>alert(1)</script><!--<![endif]-->",
    "<!--><script>alert(1)</script>-->",
    "<!---><script>alert(1)</script>-->",
    "<!--x--!><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php ?><script>alert(1)</script>",
    "<title><script>alert(1)</script></title>",
    "<title></title><script>alert(1)</script>",
    "<textarea><script>alert(1)</script></textarea>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<xmp><script>alert(1)</script></xmp>",
    "<template><script>alert(1)</script></template>",
    "<plaintext><script>alert(1)</script>",
    "<details open ontoggle=alert(1)>x</details>",
    "<video><source onerror=alert(1)></video>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<v:rect onclick=alert(1) href='javascript:alert(1)'>x</v:rect>",
    "<o:x onmouseover=alert(1)>x</o:x>",
    "<a{{ x }} onclick=alert(1)>x</a>",
    "<img src=x {{ 'onerror=alert(1)' }}>",
    "<img src=x {% echo 'onerror=alert(1)' %}>",
    "<{{ 'script' }}>alert(1)</{{ 'script' }}>",
    "<scr{% if true %}ipt>alert(1)</scr{% endif %}ipt>",
    "<a {% if no %}title=\"{% endif %} onclick=alert(1) \">x</a>",
    "<a title='{% if no %}' x='{% endif %} onclick=alert(1) '>x</a>",
    "<a title='{% if no %}'>x</a>{% endif %} onclick=alert(1)>",
    "<a {% if yes -%} on {%- endif %}{%- if yes -%} click=alert(1) {%- endif %}>x</a>",
    "<a o{% if yes %}nclick=alert(1){% endif %}>x</a>",
    "<!-- {% if no %} --> {% endif %}<script>alert(1)</script>",
    "<style>{% if no %}</style>{% endif %}<script>alert(1)</script>",
    "<a href='{{ contact.evil_url }}'>x</a>",
    "<a href='java{{ contact.empty }}script:alert(1)'>x</a>",
    "{{ contact.evil_html }}",
    "<p title='{{ contact.evil_html }}'>x</p>",
    "<p title={{ contact.evil_html }}>x</p>",
    "{{ '<script>alert(1)</script>' }}",
    "{% assign x = '<script>alert(1)</script>' %}{{ x }}",
    "{% capture x %}<script>alert(1)</script>{% endcapture %}{{ x }}",
    "{{ contact.evil_html | strip_html | append: '<script>' | newline_to_br }}",
    "{{ contact.evil_html | url_encode | url_decode }}",
    "{{ contact.evil_html | escape | replace: '&lt;', '<' }}",
    "{{ contact.evil_html | escape_once }}",
    "{% cycle '<script>alert(1)</script>' %}",
    "{% echo '<script>alert(1)</script>' %}",
    "{% raw %}<script>alert(1)</script>{% endraw %}",
    "<</>script>alert(1)<</>/script>",
    "<<script></script>script>alert(1)<<script></script>/script>",
    "<<!-- x -->img src=x onerror=alert(1)>",
    "<<link>img src=x onerror=alert(1)>",
    "<<x>img src=x onerror=alert(1)>",
    "<{{ contact.empty }}img src=x onerror=alert(1)>",
    "<{% if yes %}img src=x onerror=alert(1)>{% endif %}",
    "<{% comment %}{% endcomment %}img src=x onerror=alert(1)>",
    "<style>a{}<{% if yes %}/style{% endif %}><img src=x onerror=alert(1)></style>",
    "<style><<!--/style><img src=x onerror=alert(1)></style>",
    "<style><@import x;/style><img src=x onerror=alert(1)></style>",
    '<a title="&#123;% if no %}">{<link>% endif %}" onclick=alert(1) x="y">z</a>',
    '<a title="{&#1;% if no %}">&#123;% endif %}" onclick=alert(1) x="y">z</a>',
    '<a title="&lbrace;% if no %}">{<!-- -->% endif %}" onclick=alert(1) x="y">z</a>',
    '<a title="{&lbrace; contact.evil_html }}">{<link>{ contact.evil_html }}</a>',
    "{<link>% dynamail_link 1 %}javascript:alert(1){<link>% enddynamail_link %}",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
]  # fmt: skip


@pytest.mark.parametrize("body", XSS)
def test_nothing_that_runs_survives(body: str) -> None:
    data = {
        "contact": {
            "evil_html": "\"'><script>alert(1)</script><img src=x onerror=alert(1)>",
            "evil_url": "javascript:alert(1)",
            "empty": "",
        },
        "yes": True,
        "no": False,
    }
    try:
        html = sent(f"<p>before</p>{body}<p>after</p>", data)
    except ContentError as error:
        codes = {problem.code for problem in error.problems}
    else:
        codes = set()
        assert dangers(html) == []
    assert codes <= {"liquid_in_tag", "unclosed_block", "stray_tag", "syntax"}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<script", "</script>", "<p", "<a href=", "<style>", "</style>", "<!--", "-->", "<!--[if mso]>", "<![endif]-->", "<title>",
             "</title>", ">", " ", '"', "'", "/", "onclick=alert(1)", "javascript:alert(1)", "x", "{% if no %}", "{% endif %}", "{{ evil }}",
             "<svg", "</svg>", "<img src=x", "=", "<iframe", "&quot;", "<", "{%- if yes -%}", "<table>", "<td>", "\n"]
        ),
        max_size=18,
    ).map("".join)
)  # fmt: skip
def test_no_soup_of_markup_and_liquid_runs(body: str) -> None:
    data = {"evil": "\"'><script>alert(1)</script>", "yes": True, "no": False}
    try:
        html = sent(body, data)
    except ContentError:
        return
    assert dangers(html) == []


@pytest.mark.parametrize(
    "kept",
    [
        '<table role="presentation" width="600" cellpadding="0"><tr><td bgcolor="#ffffff" align="center">x</td></tr></table>',
        "<style>@media (max-width:600px){.a > b{color:red!important}}</style>",
        '<!--[if mso]><v:roundrect href="https://x.example/" style="height:40px" arcsize="10%"><w:anchorlock /></v:roundrect><![endif]-->',
        "<!--[if !mso]><!--><b>x</b><!--<![endif]-->",
        "<!--[if gte mso 9]><xml><o:OfficeDocumentSettings><o:AllowPNG /></o:OfficeDocumentSettings></xml><![endif]-->",
        '<meta name="color-scheme" content="light dark">',
        '<img src="https://x.example/a.png" width="10" alt="a &amp; b">',
        '<a href="https://x.example/?a=1&amp;b=2">x</a>',
        "<td style=\"mso-padding-alt:10px 25px;background:url('https://x.example/a.png')\">x</td>",
        "text with a &lt; b > c and &nbsp; entities &copy;",
        '<div {% if contact.yes %} class="a" {% endif %}>x</div>',
        "<tr>{% for p in products %}<td>{{ p.name }}</td>{% endfor %}</tr>",
        '<input type="checkbox" class="mj-menu-checkbox">',
    ],
)
def test_what_an_email_needs_is_kept_as_written(kept: str) -> None:
    assert cleaned(kept) == kept


def test_a_condition_may_touch_the_attribute_that_it_holds() -> None:
    tight = '<td {% if a %}bgcolor="red"{% else %}bgcolor="blue"{% endif %}>x</td>'
    assert sent(f"<table><tr>{tight}</tr></table>", {"a": True}).count('bgcolor="red"') == 1
    assert sent(f"<table><tr>{tight}</tr></table>", {"a": False}).count('bgcolor="blue"') == 1


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="<>/!-=\"' abAB&;x[]", max_size=60))
def test_the_tokens_joined_are_the_source(source: str) -> None:
    tokens = list(scan_markup(source))
    assert "".join(token.source for token in tokens) == source


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="<>/!-=\"' abAB&;xstyle", max_size=60))
def test_cleaning_twice_changes_nothing_more(source: str) -> None:
    once = cleaned(source)
    assert cleaned(once) == once


@pytest.mark.parametrize("bomb", ["<" * 500_000, "<a " * 250_000, "<!--" * 200_000, "<!---->" * 100_000, "<style>" * 100_000, "<svg>" * 150_000, "<title>" * 100_000, "<a b='" * 150_000, "<!--[if mso]>" * 60_000, "&" * 900_000], ids=lambda bomb: bomb[:12])  # fmt: skip
def test_markup_bombs_are_read_in_one_pass(bomb: str) -> None:
    cleaned(bomb)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("{<link>{ contact.name }}", "{{ contact.name }}"),
        ("&#123;&#123; contact.name }}", "&#123;&#123; contact.name }}"),
        ('<p title="&#123;{ contact.name }}">', '<p title="{{ contact.name }}">'),
        ("{<link>{{ contact.count }}", "{12"),
        ("{<link>% if x %}", "{% if x %}"),
        ("{% raw %}{{ x }}{% endraw %}{", "{{ x }}{"),
    ],
)
def test_braces_that_were_not_liquid_do_not_become_liquid(body: str, shown: str) -> None:
    assert f"<body>{shown}" in sent(body)
    email = compile_email(EmailSource(Kind.HTML, body, "s", stream=Stream.TRANSACTIONAL))
    assert "Alex" not in email.text.render(DATA, PlainResolver())


def test_styles_are_copied_into_the_tags_and_loops_in_tables_stay_in_place() -> None:
    html = sent(
        "<style>.a{color:red} @media (max-width:9px){.a{color:blue}}</style>"
        "<table>{% for p in products %}<tr><td class=a>{{ p.name }}</td></tr>{% endfor %}</table>"
    )
    assert html.count('<td class="a" style="color: red;">') == 2
    assert "@media (max-width:9px)" in html
    assert html.index("<table>") < html.index("Cup") < html.index("&lt;Mug&gt;") < html.index("</table>")


def test_a_fragment_becomes_a_document() -> None:
    html = sent("<p>x</p>")
    assert html.startswith("<!doctype html>")
    assert '<meta charset="utf-8">' in html


def test_the_preheader_is_hidden_at_the_top_and_may_hold_liquid() -> None:
    html = sent("<p>x</p>", preheader="Hi {{ contact.name }} & you")
    top = html[html.index("<body>") + 6 :]
    assert top.startswith('<div style="display:none')
    assert "Hi Alex &lt;Morgan&gt; &amp; Co &amp; you" in top[: top.index("<p>x")]


def test_marketing_without_an_unsubscribe_link_gets_the_footer_and_other_mail_does_not() -> None:
    marketing = compile_email(EmailSource(Kind.HTML, "<p>x</p>", "s"))
    assert marketing.html is not None
    assert not marketing.has_own_unsubscribe
    html = marketing.html.render(
        DATA, PlainResolver({"unsubscribe": "https://u.example", "preferences": "https://p.example"})
    )
    assert 'href="https://u.example"' in html
    assert 'href="https://p.example"' in html
    assert "A &#34;quoted&#34; account" in html
    assert "Unsubscribe (https://u.example)" in marketing.text.render(
        DATA, PlainResolver({"unsubscribe": "https://u.example"})
    )
    assert "nsubscribe" not in sent("<p>x</p>")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<a href="{{ unsubscribe_url }}">x</a>', True),
        ("{% if a %}{{ unsubscribe_url }}{% else %}{{ unsubscribe_url }}{% endif %}", True),
        ("{% case a %}{% when 1 %}{{ unsubscribe_url }}{% else %}{{ unsubscribe_url }}{% endcase %}", True),
        ("{% unless a %}{{ unsubscribe_url }}{% else %}{{ unsubscribe_url | escape }}{% endunless %}", True),
        ("{% if a %}{{ unsubscribe_url }}{% endif %}", False),
        ("{% case a %}{% when 1 %}{{ unsubscribe_url }}{% endcase %}", False),
        ("{% for x in y %}{{ unsubscribe_url }}{% endfor %}", False),
        ("{% capture x %}{{ unsubscribe_url }}{% endcapture %}", False),
        ("{% comment %}{{ unsubscribe_url }}{% endcomment %}", False),
        ("<!-- {{ unsubscribe_url }} -->", False),
        ("<!--[if mso]>{{ unsubscribe_url }}<![endif]-->", False),
        ("{% raw %}{{ unsubscribe_url }}{% endraw %}", False),
        ("unsubscribe_url", False),
        ("{{ unsubscribe_urls }}", False),
    ],
)
def test_only_a_link_that_everybody_gets_counts(source: str, expected: bool) -> None:
    assert has_unsubscribe(source) is expected


def test_what_was_removed_is_said_with_its_place() -> None:
    email = compile_email(EmailSource(Kind.HTML, "<p>{{ contact.name }}</p>\n <script>x</script>", "s"))
    (problem,) = email.problems
    assert (problem.code, problem.line, problem.column) == ("removed", 2, 2)
