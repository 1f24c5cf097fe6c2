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
