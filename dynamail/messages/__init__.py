"""The spine: how an email comes to exist, waits, and is remembered.

    accepting.py     accept_message: the only way one email is made     freezing.py    a launch's content and audience, as chunks
    composing.py     frozen content + one contact → bytes               body_plans.py  compiled content as bytes with holes
    recipient_links  one recipient's signed links, made fast            return_paths   MAIL FROM that names its message
    personalizing.py what a template may say about a person             system_mail.py Django's way to send mail
    accounting.py    the numbers that always add up                     deciding.py    messages in doubt
    email_log.py     single mail, found and told                        showing.py     what an email says, taken apart for a page
    stream_numbers   the last day of each stream                        confirmation_mail.py  the mail that asks to confirm

Tables: `chunk` (500 recipients of a campaign, leased whole), `outbox` (one row per waiting message), `message` (the outcome, one
row, written once), `frozen_content`, and `fair_share` with `queue_clock`, which make the queue fair.
"""
