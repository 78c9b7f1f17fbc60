"""People known to an account: attributes, tags, importing, exporting, timeline.

Creating a contact and having permission to write are two things; permission lives in `consent`.
Attributes are stored under the integer id of the account's catalogue, so that renaming one touches no contact.
"""
