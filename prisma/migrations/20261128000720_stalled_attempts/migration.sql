-- An attempt that is renewed and shows nothing else: when its holder last showed life (null: not since it was claimed), and
-- when it was last told that it stalls. Neither is in an index, so that a renewal stays a cheap one.
ALTER TABLE task_attempts ADD COLUMN last_active_at timestamptz, ADD COLUMN stall_told_at timestamptz;
