"""One message to many.

States: draft → scheduled → launching → running ⇄ paused → finished, or canceled from any state before finished.
A launch freezes audience and content; what is sent afterwards does not change with the draft.

    drafting.py    making, changing, duplicating and deleting drafts
    starting.py    what a draft's content may begin with: a ready template, an own one, nothing
    audiences.py   who would get it, counted
    previewing.py  what one person would see
    readiness.py   the rules: what is missing before a launch (no I/O)
    reviewing.py   gathers what the rules need, and what a careful colleague would notice
    trying.py      test messages to a few addresses
    launching.py   schedule, launch, pause, resume, cancel
    stats.py       reads for lists and the report
"""
