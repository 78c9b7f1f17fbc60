"""All scheduled work in one file: name of the task, when it runs (cron, UTC), why.

The tasks themselves are three-line entry points in `<package>/tasks.py`.
"""

from __future__ import annotations

from procrastinate import App

SCHEDULES: tuple[tuple[str, str], ...] = (
    ("* * * * *", "campaigns.launch_due"),  # scheduled campaigns whose minute has come
    ("* * * * *", "accounts.retry_stalled_work"),  # tasks whose worker was killed
    ("* * * * *", "senders.check_due_domains"),  # DNS records of sending domains whose time has come
    ("* * * * *", "feedback.poll_mailboxes"),  # reports that arrive in mailboxes elsewhere
    ("* * * * *", "segments.follow"),  # who joins and leaves segments, for as long as the worker runs
    (
        "* * * * *",
        "webhooks.follow",
    ),  # what happened is told to other systems, for as long as the worker runs
    ("* * * * *", "segments.refresh_due"),  # segments in which everybody is to be looked at again
    ("* * * * *", "consent.release_expired"),  # contacts whose suppression ran out may be mailed again
    ("* * * * *", "contacts.fetch_due_sources"),  # files elsewhere that are imported every few hours
    (
        "27 2 * * *",
        "segments.maintain_indexes",
    ),  # indexes of the attributes that segments of large accounts use
    (
        "37 2 * * *",
        "contacts.refresh_findings",
    ),  # desks, disposable mailboxes and slips, by the lists of this release
    ("47 2 * * *", "consent.remove_expired"),  # suppressions that ended a month ago
    ("57 2 * * *", "feedback.forget_old_reports"),  # raw reports after 14 days
    ("1 3 * * *", "inbound.forget_old_messages"),  # what people wrote, after 30 days; those who were erased
    ("5 3 * * *", "webhooks.remove_old"),  # what other systems were told, after 30 days
    ("7 3 * * *", "privacy.run_retention"),  # technical data, expired invitations
    ("17 3 * * *", "contacts.remove_old_uploads"),  # import files after seven days
    ("22 3 * * *", "segments.remove_old_exports"),  # files of exports after seven days
    ("27 3 * * *", "events.turn_partitions"),  # coming months of the log tables in, old ones out
    ("37 3 * * *", "senders.remove_old_captures"),  # the Mailbox keeps thirty days
    ("47 3 * * *", "tracking.forget_segments"),  # ids of shipped hits that cannot come again
    ("7 * * * *", "accounts.forget_idempotency_keys"),  # answers that were kept for a day
    ("57 3 * * *", "events.forget_keys"),  # ids of senders' events that cannot come again
    ("13 4 * * *", "messages.forget_old_emails"),  # single emails whose streams keep them no longer
    ("7 4 * * *", "accounts.forget_requests"),  # the log of API requests after thirty days
)


def add_tasks(app: App) -> None:
    """Give every schedule to Procrastinate; called when its Django app is ready."""
    for cron, name in SCHEDULES:
        if name in app.tasks:
            app.periodic(cron=cron)(app.tasks[name])
