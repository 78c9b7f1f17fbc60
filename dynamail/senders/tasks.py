from __future__ import annotations

from procrastinate.contrib.django import app

from dynamail.accounts.tenancy import account_scope
from dynamail.lib.clock import utc_now
from dynamail.senders.checks import try_transport
from dynamail.senders.domain_rounds import check_domains, check_due_domains
from dynamail.senders.mailbox import remove_old_captures
from dynamail.senders.models import Transport
from dynamail.senders.transports import record_check


@app.task(name="senders.remove_old_captures", queueing_lock="senders.remove_old_captures")
def remove_old_captures_task(timestamp: int | None = None) -> None:
    remove_old_captures(now=utc_now())


@app.task(name="senders.check_transport")
def check_transport_task(account_id: int, transport_id: int) -> None:
    with account_scope(account_id):
        transport = Transport.objects.for_account(account_id).filter(pk=transport_id).first()
    if transport is None:
        return  # removed meanwhile
    steps = try_transport(transport)  # talks to the network: no transaction is open
    with account_scope(account_id):
        record_check(transport, steps, now=utc_now())


@app.task(name="senders.check_domain")
def check_domain_task(account_id: int, domain_id: int) -> None:
    check_domains([(account_id, domain_id)])


@app.task(name="senders.check_due_domains", queueing_lock="senders.check_due_domains")
def check_due_domains_task(timestamp: int | None = None) -> None:
    check_due_domains()
