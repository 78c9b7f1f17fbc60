from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamail.content.protecting import Protected
from dynamail.content.text_part import make_text_of_html, make_text_part


def text_of(html: str) -> str:
    protected = Protected(html)
    return make_text_part(protected.text, protected)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo\n"),
        ("a<br>b<br/>c", "a\nb\nc\n"),
        ("<h1>Title</h1><p>x</p>", "Title\n=====\n\nx\n"),
        ("<h2>Part</h2>x<h3>Small</h3>y", "Part\n----\n\nx\n\nSmall\n\ny\n"),
        ("<p>  many   spaces &amp; &lt;b&gt;&nbsp;x </p>", "many spaces & <b> x\n"),
        ('<a href="https://a.example/">Shop</a>', "Shop (https://a.example/)\n"),
        ('<a href="https://a.example/">https://a.example/</a>', "https://a.example/\n"),
        ('<a href="https://a.example/">a.example</a>', "https://a.example/\n"),
        ('<a href="https://a.example/"></a>', "https://a.example/\n"),
        ('<a href="mailto:a@b.example">Write</a> <a href="mailto:a@b.example">a@b.example</a>', "Write (a@b.example) a@b.example\n"),
        ('<a href="#x">Jump</a>', "Jump\n"),
        ('<img src="x" alt="A cat"><img src="y" alt=""><img src="z">', "[A cat]\n"),
        ('<a href="https://a.example"><img src="x" alt="Logo"></a>', "Logo (https://a.example)\n"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><p>x</p>", "- a\n- b\n  - c\n\nx\n"),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b\n"),
        ("<table><tr><th>Item</th><th>Price</th></tr><tr><td>Cup</td><td>5</td></tr></table>", "Item | Price\nCup | 5\n"),
        ('<table role="presentation"><tr><td>Left</td><td>Right</td></tr></table>', "Left\nRight\n"),
        ("<table><tr><td><p>Left</p></td><td><p>Right</p></td></tr></table>", "Left\n\nRight\n"),
        ("<blockquote>said<br>twice</blockquote>x", "> said\n> twice\n\nx\n"),
        ("a<hr>b", "a\n\n" + "-" * 40 + "\n\nb\n"),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ('<div style="display:none">hidden</div>seen', "seen\n"),
        ('<div style="DISPLAY : None"><div>deep</div> hidden</div>seen', "seen\n"),
        ("<p hidden>hidden</p>seen", "seen\n"),
        ("<head><title>t</title></head><style>a{}</style><body>b</body>", "b\n"),
        ("<!-- c --><!--[if mso]>outlook<![endif]-->x", "x\n"),
        ("", "\n"),
        ("{{ a }}, {{ b | upcase }}", "{{ a }}, {{ b | upcase }}\n"),
        ("<p>a</p>{% if x %}<p>b</p>{% endif %}<p>c</p>", "a\n\n{% if x %}b\n\n{% endif %}c\n"),
        ("<ul>{% for x in y %}<li>{{ x }}</li>{% endfor %}</ul><p>z</p>", "{% for x in y %}- {{ x }}\n{% endfor %}\nz\n"),
        ("<p>Hi{% if x %}, {{ x }}{% endif %}!</p>", "Hi{% if x %}, {{ x }}{% endif %}!\n"),
        ("a{% raw %}{{ x }}{% endraw %}", "a{% raw %}{{{% endraw %} x }}\n"),
    ],
)  # fmt: skip
def test_html_becomes_text_that_reads_well(html: str, text: str) -> None:
    assert text_of(html) == text


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<ul>", "</ul>", "<li>", "</li>", "<table>", "<tr>", "<td>", "</td>", "</table>", "<a href='https://a.example'>", "</a>",
             "<h1>", "</h1>", "<pre>", "</pre>", "<blockquote>", "</blockquote>", "word", " ", "\n", "{{ x }}", "{% if a %}", "{% endif %}", "<br>", "<img alt=x>"]
        ),
        max_size=20,
    ).map("".join)
)  # fmt: skip
def test_no_word_and_no_liquid_is_lost_and_blank_lines_do_not_pile_up(html: str) -> None:
    text = text_of(html)
    for piece in ("word", "{{ x }}", "{% if a %}", "{% endif %}"):
        assert text.count(piece) == html.count(piece)
    if "<pre>" not in html:
        assert "\n\n\n\n" not in text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hi {{ name }} {% if %} {</p>", "Hi {{ name }} {% if %} {\n"),
        ("<html><head><title>t</title><body><p>Hi</p>", "Hi\n"),
        ("<script>var a</script><style>b{}</style><!-- c --><p>Hi</p>", "Hi\n"),
        ('<p><a href="https://a.example/?x=1&amp;y=2">Go</a></p>', "Go (https://a.example/?x=1&y=2)\n"),
        ('<img src="https://a.example/x.png">', ""),
        ("", ""),
        ("x" * 1_000_001, ""),
    ],
    ids=range(7),
)
def test_html_in_final_words_becomes_text_in_which_braces_mean_nothing(html: str, text: str) -> None:
    assert make_text_of_html(html) == text


@pytest.mark.parametrize(
    "piece",
    ["<a href=x>t", "<blockquote>t", "<ul><li>t", "<hr>", "<table><tr><td>t", "<pre>\n", "<div>t", "<h1>t"],
)
def test_html_that_only_opens_elements_makes_no_text_longer_than_itself(piece: str) -> None:
    html = piece * 3_000
    assert len(make_text_of_html(html)) <= len(html) + 1_001


def test_a_number_without_end_is_one_character_that_nobody_knows() -> None:
    endless = f"&#{'9' * 5_000};"
    assert make_text_of_html(f"<p>a{endless}b</p>") == "a\ufffdb\n"
    assert text_of(f'<img alt="a{endless}b">') == "[a\ufffdb]\n"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<",
                ">",
                "/",
                "a",
                "p",
                "href",
                "=",
                "'",
                '"',
                "&",
                "#",
                ";",
                "x",
                "1",
                "{{",
                "}}",
                "!",
                "--",
                "head",
                "body",
                "ul",
                "li",
            ]
        )
        | st.text(max_size=4)
    ).map("".join)
)
def test_no_html_breaks_the_text_that_is_made_of_it(html: str) -> None:
    text = make_text_of_html(html)
    assert len(text) <= len(html) + 1_001
