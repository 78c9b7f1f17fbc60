-- One more report that is not kept. Parameters: day, source, kind.
INSERT INTO feedback_count AS old (day, source, kind, n) VALUES (%(day)s, %(source)s, %(kind)s, 1)
ON CONFLICT (day, source, kind) DO UPDATE SET n = old.n + 1
