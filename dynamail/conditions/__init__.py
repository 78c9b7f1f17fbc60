"""The condition language: one JSON tree says which contacts are meant, for segments, campaigns, scenarios and content.

`tree` is what a condition is, `parsing` reads it from JSON, `checking` holds it against an account's catalog, `describing` says
it in words, `evaluating` answers it for one person. Its SQL is compiled in `segments/`. Nothing here knows Django or a database.
"""
