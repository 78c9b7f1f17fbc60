"""Which routing rule decides about a message. Pure, so that the worker and the page that explains it cannot disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Where a rule sends mail: exactly one of the two is set."""

    pool_id: int | None = None
    transport_id: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One routing rule. An empty condition holds always; domains are lower-case A-labels and cover their subdomains."""

    target: Target
    stream: str = ""
    sender_domain: str = ""
    recipient_domain: str = ""


def find_rule(
    rules: Sequence[Rule],
    *,
    stream: str,
    sender_domain: str,
    recipient_domain: str,
    site: str = "",
    stream_key: str = "",
) -> Rule | None:
    """The first rule, in the order given, whose conditions all hold; None: the default transport carries the message.

    `stream` is the kind, `stream_key` names one of the account's own streams; a rule may name either.
    `site` is the host that receives the recipient's mail when it is known, so that a rule for `google.com` also holds for a company
    whose mail is there. "" while it is not known.
    """
    for rule in rules:
        if (
            (not rule.stream or rule.stream in (stream, stream_key))
            and (not rule.sender_domain or is_within(sender_domain, rule.sender_domain))
            and (
                not rule.recipient_domain
                or is_within(recipient_domain, rule.recipient_domain)
                or is_within(site, rule.recipient_domain)
            )
        ):
            return rule
    return None


def find_target(
    rules: Sequence[Rule],
    *,
    stream: str,
    sender_domain: str,
    recipient_domain: str,
    site: str = "",
    stream_key: str = "",
) -> Target | None:
    """Where a message goes; None: to the default transport. Parameters as of `find_rule`."""
    rule = find_rule(
        rules,
        stream=stream,
        sender_domain=sender_domain,
        recipient_domain=recipient_domain,
        site=site,
        stream_key=stream_key,
    )
    return rule.target if rule else None


def needs_site(
    rules: Sequence[Rule], *, stream: str, sender_domain: str, recipient_domain: str, stream_key: str = ""
) -> bool:
    """Could a rule decide otherwise once the site is known? Only those that are asked before the one that holds without it."""
    found = find_rule(
        rules,
        stream=stream,
        sender_domain=sender_domain,
        recipient_domain=recipient_domain,
        stream_key=stream_key,
    )
    for rule in rules:
        if rule is found:
            return False
        if (
            rule.recipient_domain
            and (not rule.stream or rule.stream in (stream, stream_key))
            and (not rule.sender_domain or is_within(sender_domain, rule.sender_domain))
        ):
            return True
    return False


def is_within(domain: str, parent: str) -> bool:
    """Is it this domain or one of its subdomains?"""
    return domain == parent or domain.endswith("." + parent)
