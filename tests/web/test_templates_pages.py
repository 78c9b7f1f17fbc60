from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from dynamail.accounts.models import Account, User
from dynamail.accounts.roles import Role
from dynamail.campaigns.models import Campaign
from dynamail.content.gallery import list_gallery
from dynamail.content.models import Template
from tests.support.people import make_contact
from tests.support.personas import NOW, make_member, make_user

SCRIPT = "<script>alert(1)</script>"
PARTIAL = {"HX-Request": "true"}
SignIn = Callable[[User], Client]


@pytest.fixture
def template(account: Account) -> Template:
    source = "<p>Hi {{ contact.first_name }}</p>"
    return Template.objects.add(
        account, name="Letter " + SCRIPT, kind="html", subject="News", source=source, updated_at=NOW
    )


@pytest.fixture
def client(sign_in: SignIn, bob: User) -> Client:
    return sign_in(bob)


def words(response: object) -> str:
    return response.content.decode()  # type: ignore[attr-defined]


def page(name: str, template: Template, *rest: str) -> str:
    return reverse(name, args=[template.public_id, *rest])


def test_the_list_shows_ones_own_and_the_gallery(template: Template, client: Client) -> None:
    text = words(client.get(reverse("templates")))
    assert SCRIPT not in text
    assert "Letter &lt;script&gt;" in text
    for ready in list_gallery():
        assert ready.name in text
        assert reverse("gallery_preview", args=[ready.slug]) in text


@pytest.mark.parametrize("slug", [ready.slug for ready in list_gallery()])
def test_every_ready_template_has_a_sandboxed_preview(client: Client, slug: str) -> None:
    response = client.get(reverse("gallery_preview", args=[slug]))
    assert response.status_code == 200
    assert response["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "Acme store" in words(response)
    assert "mended" not in words(response)


def test_a_stranger_gets_nothing_of_a_template(
    template: Template, other_account: Account, charlie: User, sign_in: SignIn
) -> None:
    stranger = sign_in(charlie)
    for name in ("template", "template_preview"):
        response = stranger.get(page(name, template))
        assert response.status_code == 404
        assert "Letter" not in words(response)
    for action in ("duplicate", "archive", "use"):
        assert stranger.post(page("template_action", template, action)).status_code == 404
    assert stranger.post(page("template", template), {"name": "Mine", "kind": "html"}).status_code == 404
    assert "Letter" not in words(stranger.get(reverse("templates")))


def test_an_analyst_looks_and_changes_nothing(template: Template, account: Account, sign_in: SignIn) -> None:
    ann = make_user("ann@acme.example")
    make_member(account, ann, Role.ANALYST)
    reader = sign_in(ann)
    assert reader.get(reverse("templates")).status_code == 200
    assert reader.get(page("template_preview", template)).status_code == 200
    assert reader.get(page("template", template)).status_code == 403
    assert reader.post(reverse("template_new"), {"start": "blank:html"}).status_code == 403
    assert reader.post(page("template_action", template, "archive")).status_code == 403


def test_a_ready_template_becomes_ones_own(account: Account, client: Client) -> None:
    response = client.post(reverse("template_new"), {"start": "gallery:sale", "name": "Our sale"})
    made = Template.objects.for_account(account).get()
    assert response["Location"] == page("template", made)
    assert (made.name, made.kind) == ("Our sale", "mjml")
    assert client.get(page("template", made)).status_code == 200


def open_editor(client: Client, template: Template) -> dict[str, str]:
    text = words(client.get(page("template", template)))
    seen = re.search(r'name="seen" value="([^"]*)"', text)[1]
    return {
        "seen": seen,
        "kind": "html",
        "name": "Letter",
        "subject": "",
        "preheader": "",
        "body": "<p>x</p>",
    }


def test_a_template_is_saved_with_what_is_wrong_in_it(template: Template, client: Client) -> None:
    data = open_editor(client, template) | {"subject": "{{ contact.x", "body": "<p>\n{% oops %}</p>"}
    response = client.post(page("template", template), data, headers=PARTIAL)
    assert response.status_code == 200
    assert "line 2, column 1" in words(response)
    assert Template.objects.for_account(template.account_id).get().subject == "{{ contact.x"


def test_two_editors_of_a_template_do_not_overwrite_each_other(template: Template, client: Client) -> None:
    data = open_editor(client, template)
    client.post(page("template", template), data | {"body": "<p>First</p>"}, headers=PARTIAL)
    late = client.post(page("template", template), data | {"body": "<p>Late</p>"}, headers=PARTIAL)
    assert late.status_code == 409
    assert Template.objects.for_account(template.account_id).get().source == "<p>First</p>"


def test_a_template_without_a_name_is_not_saved(template: Template, client: Client) -> None:
    data = open_editor(client, template) | {"name": ""}
    response = client.post(page("template", template), data, headers=PARTIAL)
    assert response.status_code == 422
    assert 'data-state="refused"' in words(response)


def test_a_template_is_copied_archived_and_taken_back(
    template: Template, account: Account, client: Client
) -> None:
    client.post(page("template_action", template, "duplicate"))
    assert Template.objects.for_account(account).count() == 2
    client.post(page("template_action", template, "archive"))
    shown = words(client.get(reverse("templates")))
    assert page("template_action", template, "duplicate") not in shown
    assert page("template_action", template, "restore") in words(
        client.get(reverse("templates"), {"archived": "1"})
    )
    client.post(page("template_action", template, "restore"))
    assert page("template_action", template, "duplicate") in words(client.get(reverse("templates")))
    assert client.post(page("template_action", template, "explode")).status_code == 404


def test_a_campaign_begins_from_a_template(template: Template, account: Account, client: Client) -> None:
    client.post(page("template_action", template, "use"))
    made = Campaign.objects.for_account(account).get()
    assert (made.body, made.subject, made.kind) == (template.source, "News", "html")


def test_people_to_preview_as_are_searched_in_ones_own_account(
    account: Account, other_account: Account, client: Client
) -> None:
    make_contact(account, "zoe@mail.example", name="Zoe " + SCRIPT)
    make_contact(other_account, "zoe@other.example", name="Zoe Other")
    text = words(client.get(reverse("preview_people"), {"q": "zoe"}))
    assert "zoe@mail.example" in text
    assert "Other" not in text
    assert SCRIPT not in text
    assert "No contact found" in words(client.get(reverse("preview_people"), {"q": "zzz\x00"}))


def test_the_list_pages_through_all_templates_once(account: Account, client: Client) -> None:
    for number in range(26):
        Template.objects.add(account, name=f"Number {number:02}.", updated_at=NOW)
    found, url = [], reverse("templates")
    while url:
        text = words(client.get(url))
        found += re.findall(r">Number (\d\d)\.</a>", text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        url = reverse("templates") + following[1].replace("&amp;", "&") if following else ""
    assert sorted(found) == [f"{number:02}" for number in range(26)]
