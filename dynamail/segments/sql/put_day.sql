-- Today's row of a segment's history: the size as it is now, and how many joined and left since it was last written. Called by
-- segments/history.py. Parameters: account_id, segment_id, day, size, joined, departed.
INSERT INTO segment_day AS known (account_id, segment_id, day, size, joined, departed)
VALUES (%(account_id)s, %(segment_id)s, %(day)s, %(size)s, %(joined)s, %(departed)s)
ON CONFLICT (account_id, segment_id, day) DO UPDATE
SET size = excluded.size, joined = known.joined + excluded.joined, departed = known.departed + excluded.departed
