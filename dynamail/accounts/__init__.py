"""Tenants and the people who work in them.

An *account* owns everything else. A *user* signs in; a *member* is a user's role in one account (a user may be a member
of several). What a role may do is the table in `roles.py`. Everything that belongs to an account derives from the base
models in `tenancy.py`, which fail closed; `row_security.py` puts the second wall into the database.

    models.py        the tables            tenancy.py       base models, `account_scope`
    roles.py         who may do what       row_security.py  policies, grants, database roles
    audit.py         record_audit          background.py    long work that a page can watch
    sealing.py       secrets at rest       api_keys.py, invitations.py, members.py, sign_ins.py  the verbs
"""
