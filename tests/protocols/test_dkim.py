from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dynamail.protocols.dkim import (
    SIGNATURE_LIFETIME,
    SIGNED_FIELDS,
    DkimAlgorithm,
    DkimKeyError,
    DkimRecordError,
    DkimSigner,
    DkimSigning,
    canonicalize_body,
    canonicalize_fields,
    format_public_record,
    generate_private_key,
    hash_body,
    read_public_key,
    read_public_record,
    sign_fields,
    sign_message,
)

NOW = datetime.now(UTC)  # dkimpy compares t= and x= with the clock of the machine
KEYS = {algorithm: generate_private_key(algorithm) for algorithm in DkimAlgorithm}
RECORDS = {algorithm.key_type: format_public_record(key).encode() for algorithm, key in KEYS.items()}
SIGNERS = [
    DkimSigner(domain="acme.example", selector=algorithm.key_type, private_key=key)
    for algorithm, key in KEYS.items()
]
MESSAGE = b"From: News <news@acme.example>\r\nTo: ann@example.com\r\nSubject: Hello\r\n\r\nHi  Ann \r\n\r\n"

# RFC 8463 Appendix A: two keys and one message signed with both.
ED25519_SEED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
ED25519_RECORD = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RSA_RECORD = (
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx"
    "/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)
RSA_KEY = """
MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6l
HvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQABAoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSP
uC8N9vQm6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZezHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDz
JB/0U58W7RZy6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8GcuSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxj
g+/OPN0oWCbXIGxyWvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxdWFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L
3AAtNP9huqkWlzECQE1alicIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcsto7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0
SwM0fPjK16//5qDZ2UiDGnOeuEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL
"""
RFC_HEADERS = (
    b"From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
)
RFC_BODY = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n\r\n"
RFC_BODY_HASH = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
ED25519_SIGNATURE = "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
RSA_SIGNATURE = (
    "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2JzdA"
    "+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8="
)


def to_pkcs8(key: object) -> bytes:
    return key.private_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def rfc_keys() -> dict[str, bytes]:
    seed = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(ED25519_SEED))
    rsa_key = serialization.load_der_private_key(base64.b64decode(RSA_KEY), password=None)
    return {"ed25519": to_pkcs8(seed), "rsa": to_pkcs8(rsa_key)}


def answer_dns(name: bytes, timeout: int = 5) -> bytes:
    """The DNS of acme.example, as dkimpy asks it."""
    return RECORDS[name.decode().partition("._domainkey.")[0]]


def count_valid(message: bytes) -> int:
    """How many of the two signatures dkimpy accepts."""
    oracle = dkimpy.DKIM(message)
    valid = 0
    for index in range(len(SIGNERS)):
        try:
            valid += oracle.verify(idx=index, dnsfunc=answer_dns)
        except dkimpy.DKIMException:
            continue
    return valid


def sign(message: bytes) -> bytes:
    return sign_message(message, SIGNERS, now=NOW) + message


def read_tags(field: bytes) -> dict[str, str]:
    text = "".join(field.decode().partition(":")[2].split())
    return dict(tag.split("=", 1) for tag in text.split(";"))


# --- the vectors of RFC 8463 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key_type", "selector", "record", "signature"),
    [
        ("ed25519", "brisbane", ED25519_RECORD, ED25519_SIGNATURE),
        ("rsa", "test", RSA_RECORD, RSA_SIGNATURE),
    ],
)
def test_the_vectors_of_rfc_8463_come_out_octet_by_octet(
    key_type: str, selector: str, record: str, signature: str
) -> None:
    key = rfc_keys()[key_type]
    signer = DkimSigner(domain="football.example.com", selector=selector, private_key=key)
    assert format_public_record(key) == record
    assert base64.b64encode(hash_body(RFC_BODY)).decode() == RFC_BODY_HASH
    fields = dict(canonicalize_fields(RFC_HEADERS))
    signed = b"".join(fields[name] for name in (b"from", b"to", b"subject", b"date", b"message-id"))
    signed += (
        f"dkim-signature:v=1; a={key_type}-sha256; c=relaxed/relaxed; d=football.example.com; i=@football.example.com; "
        f"q=dns/txt; s={selector}; t=1528637909; h=from : to : subject : date : message-id : from : subject : date; bh={RFC_BODY_HASH}; b="
    ).encode()
    assert base64.b64encode(signer.sign(hashlib.sha256(signed).digest())).decode() == signature


# --- canonical forms -------------------------------------------------------------------------------------------------

BODIES = st.lists(
    st.sampled_from([b" ", b"  ", b"\t", b"\r\n", b"\r\n\r\n", b"a", b"b=20", b".", b"=\r\n", "ж".encode()]),
    max_size=40,
).map(b"".join)


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n\r\n", b""),
        (b" \t\r\n  \r\n", b""),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # RFC 6376 §3.4.5
        (b"a", b"a\r\n"),
        (b"a ", b"a\r\n"),
        (b"\ta\r\n\r\nb\r\n", b" a\r\n\r\nb\r\n"),
    ],
)
def test_the_relaxed_form_of_a_body(body: bytes, canonical: bytes) -> None:
    assert canonicalize_body(body) == canonical


@given(BODIES)
def test_the_relaxed_form_of_any_body_is_its_own_and_dkimpys(body: bytes) -> None:
    canonical = canonicalize_body(body)
    assert canonicalize_body(canonical) == canonical
    body += b"\r\n"  # dkimpy differs for a last line without an end, which SMTP cannot carry
    assert canonicalize_body(body) == dkimpy.CanonicalizationPolicy.from_c_value(
        b"relaxed/relaxed"
    ).canonicalize_body(body)


@given(BODIES, st.binary(max_size=20))
def test_a_canonical_body_has_the_same_hash_without_being_looked_through(body: bytes, before: bytes) -> None:
    canonical = canonicalize_body(body)
    for ending in (b"", b"\r\n\r\n"):
        message = before + canonical + (ending if canonical else b"")
        assert hash_body(message, start=len(before), is_canonical=True) == hash_body(body)


def test_the_relaxed_form_of_header_fields() -> None:
    headers = b"A: X\r\nB : Y\t\r\n\tZ  \r\nSubject:\r\n =?utf-8?q?a?=\r\n =?utf-8?q?b?=\r\nEmpty:\r\n"  # RFC 6376 §3.4.5
    assert canonicalize_fields(headers) == [
        (b"a", b"a:X\r\n"),
        (b"b", b"b:Y Z\r\n"),
        (b"subject", b"subject:=?utf-8?q?a?= =?utf-8?q?b?=\r\n"),
        (b"empty", b"empty:\r\n"),
    ]


# --- signatures ------------------------------------------------------------------------------------------------------


def test_a_field_says_what_was_signed_and_until_when() -> None:
    field = sign_message(MESSAGE, SIGNERS[:1], now=NOW)
    tags = read_tags(field)
    assert (tags["v"], tags["a"], tags["c"]) == ("1", "rsa-sha256", "relaxed/relaxed")
    assert (tags["d"], tags["s"]) == ("acme.example", "rsa")
    assert int(tags["t"]) == int(NOW.timestamp())
    assert timedelta(seconds=int(tags["x"]) - int(tags["t"])) == SIGNATURE_LIFETIME > timedelta(days=5)
    assert "l" not in tags
    assert all(len(line) <= 78 for line in field.split(b"\r\n"))


def test_every_signed_field_is_named_once_more_than_it_is_present() -> None:
    message = b"Cc: a@x.example\r\nX-Order: 1\r\nList-Help: a\r\nList-Help: b\r\n" + MESSAGE
    names = read_tags(sign_message(message, SIGNERS[:1], now=NOW))["h"].split(":")
    present = {"cc": 1, "list-help": 2, "from": 1, "to": 1, "subject": 1}
    assert {name: names.count(name) for name in set(names)} == {
        name: present.get(name, 0) + 1 for name in SIGNED_FIELDS
    }


def test_both_signatures_of_a_message_are_valid() -> None:
    assert count_valid(sign(MESSAGE)) == 2


@pytest.mark.parametrize(
    "name", ["From", "To", "Cc", "Subject", "Reply-To", "Content-Type", "List-Unsubscribe"]
)
@pytest.mark.parametrize("at_top", [True, False])
def test_a_field_that_somebody_adds_breaks_both(name: str, at_top: bool) -> None:
    added = f"{name}: somebody@else.example\r\n".encode()
    signed = sign(MESSAGE)
    broken = added + signed if at_top else signed.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n", 1)
    assert count_valid(broken) == 0


def test_text_that_somebody_appends_breaks_both() -> None:
    assert count_valid(sign(MESSAGE) + b"more\r\n") == 0


FIELD_NAMES = st.sampled_from(["From", "TO", "cc", "Subject", "X-Other", "List-Id", "Content-type"])
VALUES = st.lists(
    st.sampled_from(["a", "b@c.example", " ", "  ", "\t", ",", ";", "=", ":", "ж", "\r\n x", "\r\n\ty"]),
    max_size=12,
).map("".join)


@settings(deadline=None)
@given(st.lists(st.tuples(FIELD_NAMES, VALUES), max_size=8), BODIES)
@example([("Subject", ""), ("Subject", " ")], b"")
def test_dkimpy_accepts_both_signatures_of_any_message(fields: list[tuple[str, str]], body: bytes) -> None:
    headers = "From: news@acme.example\r\n" + "".join(f"{name}:{value}\r\n" for name, value in fields)
    message = headers.encode() + b"\r\n" + body + b"\r\n"
    assert count_valid(sign(message)) == 2


@given(
    st.permutations([b"From: a@acme.example\r\n", b"Subject: x\r\n", b"Date: y\r\n", b"To: z@b.example\r\n"]),
    st.integers(0, 4),
)
@settings(max_examples=20, deadline=None)
def test_it_is_the_same_which_fields_are_shared(fields: list[bytes], cut: int) -> None:
    signing = DkimSigning(SIGNERS, shared=b"".join(fields[:cut]))
    made = signing.sign(b"".join(fields[cut:]), body_hash=hash_body(b"Hi\r\n"), now=NOW)
    assert count_valid(made + b"".join(fields) + b"\r\nHi\r\n") == 2


def test_a_field_cannot_be_shared_and_the_messages_own() -> None:
    signing = DkimSigning(SIGNERS, shared=b"From: a@acme.example\r\n")
    with pytest.raises(ValueError, match="both shared"):
        signing.sign(b"FROM: b@acme.example\r\n", body_hash=hash_body(b""), now=NOW)


def test_fields_can_be_signed_apart_from_the_body() -> None:
    headers, _, body = MESSAGE.partition(b"\r\n\r\n")
    made = sign_fields(SIGNERS, headers=headers + b"\r\n", body_hash=hash_body(body), now=NOW)
    assert count_valid(made + MESSAGE) == 2


def test_an_international_domain_is_named_in_a_labels() -> None:
    signer = DkimSigner(domain="пошта.бел", selector="a.b", private_key=KEYS[DkimAlgorithm.ED25519])
    assert read_tags(sign_message(MESSAGE, [signer], now=NOW))["d"] == "xn--80a1acn3a.xn--90ais"


@pytest.mark.parametrize("selector", ["", "a b", "a;", "-a", "a..b", "ж", "a\r\n", "a" * 64])
def test_a_selector_that_is_no_domain_name_is_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="selector"):
        DkimSigner(domain="acme.example", selector=selector, private_key=KEYS[DkimAlgorithm.ED25519])


@pytest.mark.parametrize("key", [b"", b"no key", to_pkcs8(ec.generate_private_key(ec.SECP256R1()))])
def test_what_is_no_key_for_dkim_is_refused(key: bytes) -> None:
    with pytest.raises(DkimKeyError):
        DkimSigner(domain="acme.example", selector="a", private_key=key)
    with pytest.raises(DkimKeyError):
        format_public_record(key)


# --- records ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", list(DkimAlgorithm))
def test_a_record_that_we_publish_is_read_back(algorithm: DkimAlgorithm) -> None:
    record = read_public_record(format_public_record(KEYS[algorithm]))
    assert (record.algorithm, record.public_key) == (algorithm, read_public_key(KEYS[algorithm]))
    assert not record.is_revoked
    assert not record.is_testing


def test_records_are_read_as_tolerantly_as_verifiers_do() -> None:
    encoded = RSA_RECORD.partition("p=")[2]
    spaced = f" p = {encoded[:60]} {encoded[60:]}\t; n=note; t= y : s; unknown=1 ;"
    assert read_public_record(spaced).public_key == read_public_record(RSA_RECORD).public_key
    assert read_public_record(spaced).is_testing


def test_an_empty_key_is_a_revoked_one() -> None:
    assert read_public_record("v=DKIM1; k=ed25519; p=").is_revoked


@pytest.mark.parametrize(
    ("txt", "sentence"),
    [
        ("", "empty"),
        ("this is no key", "not a list of tags"),
        ("v=spf1 -all", "must begin with v=DKIM1"),
        ("v=DKIM2; p=", "must begin with v=DKIM1"),
        ("k=rsa; v=DKIM1; p=", "must begin with v=DKIM1"),
        ("v=DKIM1; k=rsa", "no p="),
        ("v=DKIM1; k=dsa; p=AAAA", "unknown type dsa"),
        ("v=DKIM1; h=sha1; p=", "forbids SHA-256"),
        ("v=DKIM1; s=tlsrpt; p=", "not for email"),
        ("v=DKIM1; p=; p=", "twice"),
        ("v=DKIM1; k=ed25519; p=AAAA", "32 octets"),
        ('"v=DKIM1; k=rsa;" "p=AAAA"', "quotation marks"),
        ("v=DKIM1\\; k=rsa\\; p=AAAA", "backslashes"),
        (RSA_RECORD[:100], "cut off or damaged"),
        (RSA_RECORD[:-1], "no valid Base64"),
        ("p=" + "A" * 9000, "too long"),
    ],
)
def test_a_record_that_verifiers_would_not_take_says_why(txt: str, sentence: str) -> None:
    with pytest.raises(DkimRecordError, match=sentence):
        read_public_record(txt)


def test_a_short_rsa_key_is_refused() -> None:
    # 512 bits.
    key = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAJ2F3+MH1FfVZ6tGSt4YMhtHuH5w/EGsAS1ZVlVfAzsmTgCV7vUCdKLc5Zwq8BC7nAr+YqHFbrjbLK4Sn0RgFXcCAwEAAQ=="
    with pytest.raises(DkimRecordError):
        read_public_record(f"v=DKIM1; p={key}")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(txt: str) -> None:
    for candidate in (txt, f"v=DKIM1; k=rsa; p={txt}", f"v=DKIM1; {txt}; p="):
        with suppress(DkimRecordError):
            assert read_public_record(candidate).is_revoked
