-- A worker says goodbye. Keys used: primary key. Parameters: id.
DELETE FROM deliver_worker WHERE id = %(id)s
