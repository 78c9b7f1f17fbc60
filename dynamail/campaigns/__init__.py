"""One message to many: drafting, readiness, launching, stats.

States: draft → scheduled → launching → running ⇄ paused → finished, or canceled from any state before finished.
A launch freezes audience and content; what is sent afterwards does not change with the draft.
"""
