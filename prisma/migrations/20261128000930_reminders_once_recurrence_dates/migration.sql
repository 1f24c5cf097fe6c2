-- Databases that were migrated for some hours by edited texts of 20261128000800 and 20261128000820 have all of this already.
ALTER TABLE tasks
  DROP CONSTRAINT IF EXISTS chk_recurrence_has_dates,
  ADD CONSTRAINT chk_recurrence_has_dates CHECK (recurrence_pattern IS NULL OR due_date < '9900-01-01T00:00:00Z');
-- Of the reminders that a task has by these offsets the one that is due next; of those that are over the latest. No row
-- where there is none.
-- `fired`: what a statement that cannot see yet what it does is about to trigger.
CREATE OR REPLACE FUNCTION next_reminder(project_id text, task_id text, offsets text[], fired uuid[] DEFAULT '{}')
RETURNS TABLE (reminder_offset text, status text) LANGUAGE sql STABLE AS $$
  SELECT r.reminder_offset, CASE WHEN r.reminder_id = ANY (fired) THEN 'triggered' ELSE r.status END
  FROM reminder_schedule r
  WHERE r.project_id = next_reminder.project_id AND r.task_id = next_reminder.task_id
    AND r.offset_seconds IN (SELECT reminder_seconds(o) FROM unnest(offsets) o)
  ORDER BY CASE WHEN r.status = 'pending' AND r.reminder_id <> ALL (fired) THEN r.trigger_at END,
    r.trigger_at DESC, r.status = 'cancelled', r.created_at DESC
  LIMIT 1
$$;
-- Makes the schedule of a task's reminders what follows from the task. One that waits moves with the due date. It is
-- cancelled when its offset is taken away and when the task is completed, deleted or archived; it comes back with them, if
-- its time still lies ahead. What was triggered stays as it was, and a due date that moves it to another time ahead makes it anew. A
-- template reminds of nothing: its instances do.
CREATE OR REPLACE FUNCTION schedule_reminders(t tasks) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  now timestamptz := docket_now();
  open boolean := is_open(t.status, t.deleted_at, t.is_template) AND t.archived_at IS NULL;
  wanted text[];
  lengths integer[];
BEGIN
  IF NOT t.is_template THEN
    SELECT array_agg(o.given), array_agg(o.seconds) INTO wanted, lengths FROM (
      SELECT DISTINCT ON (reminder_seconds(u.given)) u.given, reminder_seconds(u.given) AS seconds
      FROM unnest(t.reminder_offsets) WITH ORDINALITY u (given, place) ORDER BY reminder_seconds(u.given), u.place) o;
  END IF;
  UPDATE reminder_schedule r SET status = 'cancelled', updated_at = now
  WHERE r.project_id = t.project_id AND r.task_id = t.task_id AND r.status = 'pending'
    AND NOT (open AND r.offset_seconds = ANY (coalesce(lengths, '{}')));
  IF lengths IS NULL THEN
    RETURN;
  END IF;
  UPDATE reminder_schedule r SET reminder_offset = w.given, trigger_at = w.trigger_at, status = w.status, updated_at = now
  FROM (
    SELECT o.reminder_id, u.given, CASE WHEN o.over THEN o.trigger_at ELSE a.trigger_at END AS trigger_at,
      CASE WHEN o.over THEN o.status
        WHEN open AND (o.status = 'pending' OR a.trigger_at > now) AND NOT EXISTS (SELECT FROM reminder_schedule f
          WHERE f.project_id = t.project_id AND f.task_id = t.task_id AND f.offset_seconds = u.seconds
            AND f.status IN ('triggered', 'acknowledged') AND f.trigger_at = a.trigger_at) THEN 'pending'
        ELSE 'cancelled' END AS status
    FROM unnest(wanted, lengths) u (given, seconds)
      JOIN (SELECT s.*, s.status IN ('triggered', 'acknowledged') AS over FROM reminder_schedule s
        WHERE s.project_id = t.project_id AND s.task_id = t.task_id) o ON o.offset_seconds = u.seconds
      CROSS JOIN LATERAL (SELECT t.due_date - make_interval(secs => u.seconds) AS trigger_at) a
  ) w
  WHERE r.project_id = t.project_id AND r.reminder_id = w.reminder_id
    AND (r.reminder_offset, r.trigger_at, r.status) IS DISTINCT FROM (w.given, w.trigger_at, w.status);
  INSERT INTO reminder_schedule (project_id, task_id, user_id, trigger_at, reminder_offset, offset_seconds, status)
  SELECT t.project_id, t.task_id, coalesce(nullif(current_setting('docket.actor', true), ''), 'server'), a.trigger_at,
    u.given, u.seconds, CASE WHEN open THEN 'pending' ELSE 'cancelled' END
  FROM unnest(wanted, lengths) u (given, seconds)
    CROSS JOIN LATERAL (SELECT t.due_date - make_interval(secs => u.seconds) AS trigger_at) a
  WHERE NOT EXISTS (SELECT FROM reminder_schedule r
    WHERE r.project_id = t.project_id AND r.task_id = t.task_id AND r.offset_seconds = u.seconds
      AND (r.status IN ('pending', 'cancelled') OR r.trigger_at = a.trigger_at OR a.trigger_at <= now));
END $$;
