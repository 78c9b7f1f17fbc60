"""The embedded PostgreSQL server: finding its programs, making, starting and stopping it, roles, backup.

Knows no Django. `cluster.py` is the way in: `Cluster(home).start()`, then `dsn()`.

The road of a start: `lock` (one holder per folder) → `identity` (which system user the server runs as) →
`binaries` (which programs) → `reach` (that user can execute them) → `leftovers` (no server of an earlier
process lives on) → `version` (the data is of the same major) → `configuration`, `sockets` → `process`
(the child, which dies with us) → ready.

`roles` makes the roles the application works under, `backup` saves and restores a database of any server,
`problems` is what `dynamail doctor` asks.
"""
