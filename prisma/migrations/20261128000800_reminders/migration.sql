-- How long before it is due a task reminds of it, as was said of it: its schedule follows from that. The offset and the
-- status are those of the reminder that is due next, or else of the last one.
ALTER TABLE tasks
  ADD COLUMN reminder_offsets text[] NOT NULL DEFAULT '{}'
    CONSTRAINT chk_reminders CHECK (cardinality(reminder_offsets) <= 10 AND array_position(reminder_offsets, NULL) IS NULL),
  ADD COLUMN reminder_offset text,
  ADD COLUMN reminder_status text CHECK (reminder_status IN ('pending', 'triggered', 'acknowledged', 'cancelled')),
  ADD CONSTRAINT chk_reminder_requires_due_date
    CHECK (due_date IS NOT NULL OR (reminder_offset IS NULL AND reminder_offsets = '{}'));
CREATE INDEX idx_tasks_reminder_status ON tasks (project_id, reminder_status) WHERE reminder_status IS NOT NULL;

CREATE TABLE reminder_schedule (
  project_id varchar(100) NOT NULL,
  reminder_id uuid NOT NULL DEFAULT gen_random_uuid(),
  task_id varchar(20) NOT NULL,
  user_id text NOT NULL,
  trigger_at timestamptz NOT NULL,
  reminder_type text NOT NULL DEFAULT 'due_date_reminder' CHECK (reminder_type = 'due_date_reminder'),
  reminder_offset text NOT NULL,
  offset_seconds integer NOT NULL CHECK (offset_seconds >= 0),
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'triggered', 'acknowledged', 'cancelled')),
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  updated_at timestamptz NOT NULL DEFAULT docket_now(),
  PRIMARY KEY (project_id, reminder_id),
  FOREIGN KEY (project_id, task_id) REFERENCES tasks
);
CREATE UNIQUE INDEX uniq_reminder_id ON reminder_schedule (reminder_id);
CREATE INDEX idx_reminders_trigger ON reminder_schedule (trigger_at) WHERE status = 'pending';
CREATE INDEX idx_reminders_of_task ON reminder_schedule (project_id, task_id);
-- What has not been triggered is there once for each offset.
CREATE UNIQUE INDEX uniq_reminder_of_task ON reminder_schedule (project_id, task_id, offset_seconds)
  WHERE status IN ('pending', 'cancelled');
GRANT SELECT, INSERT, UPDATE ON reminder_schedule TO docket_app;

-- How long before it is due a task reminds of it, in seconds: a day has 86,400, whatever the time zone of the session.
CREATE OR REPLACE FUNCTION reminder_seconds(reminder_offset text) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT extract(epoch FROM reminder_offset::interval)::integer $$;

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
    r.trigger_at DESC, r.created_at DESC
  LIMIT 1
$$;

-- Makes the schedule of a task's reminders what follows from the task. One that waits moves with the due date. It is
-- cancelled when its offset is taken away and when the task is completed, deleted or archived; it comes back with them, if
-- its time still lies ahead. What was triggered stays as it was, and a due date that moves it ahead again makes it anew. A
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
      CASE WHEN o.over THEN o.status WHEN open AND (o.status = 'pending' OR a.trigger_at > now) THEN 'pending'
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

-- Keeps the reminders of a task right wherever it is changed: what its columns say of the next one, and its schedule, which
-- a row that is not there yet gets once it is. Plain SQL may set `reminder_offset` alone, as its one reminder.
CREATE OR REPLACE FUNCTION keep_reminders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF TG_WHEN = 'AFTER' THEN
      PERFORM schedule_reminders(NEW);
      RETURN NULL;
    END IF;
    IF NEW.reminder_offsets = '{}' THEN
      NEW.reminder_offsets := array_remove(ARRAY[NEW.reminder_offset], NULL);
    END IF;
    NEW.reminder_status := CASE WHEN NEW.is_template THEN NULL
      WHEN is_open(NEW.status, NEW.deleted_at, false) AND NEW.archived_at IS NULL THEN 'pending' ELSE 'cancelled' END;
    NEW.reminder_offset := NULL;
  ELSE
    IF NEW.reminder_offsets = OLD.reminder_offsets AND NEW.reminder_offset IS DISTINCT FROM OLD.reminder_offset THEN
      NEW.reminder_offsets := array_remove(ARRAY[NEW.reminder_offset], NULL);
    END IF;
    -- What has no due date is refused by chk_reminder_requires_due_date.
    IF NEW.due_date IS NOT NULL OR NEW.reminder_offsets = '{}' THEN
      PERFORM schedule_reminders(NEW);
    END IF;
    NEW.reminder_offset := NULL;
    NEW.reminder_status := NULL;
    SELECT n.reminder_offset, n.status INTO NEW.reminder_offset, NEW.reminder_status
    FROM next_reminder(NEW.project_id, NEW.task_id, NEW.reminder_offsets) n WHERE NOT NEW.is_template;
  END IF;
  NEW.reminder_offset := coalesce(NEW.reminder_offset,
    (SELECT o.given FROM unnest(NEW.reminder_offsets) o (given) ORDER BY reminder_seconds(o.given) DESC LIMIT 1));
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER tasks_keep_reminders_of_new BEFORE INSERT ON tasks FOR EACH ROW
  WHEN (NEW.reminder_offsets <> '{}' OR NEW.reminder_offset IS NOT NULL) EXECUTE FUNCTION keep_reminders();

CREATE OR REPLACE TRIGGER tasks_schedule_reminders AFTER INSERT ON tasks FOR EACH ROW
  WHEN (NEW.reminder_offsets <> '{}') EXECUTE FUNCTION keep_reminders();

-- A claim and its end change nothing of it; nor does a reminder that is triggered, which says itself what is due next.
CREATE OR REPLACE TRIGGER tasks_keep_reminders
  BEFORE UPDATE OF due_date, status, deleted_at, archived_at, is_template, reminder_offsets, reminder_offset ON tasks
  FOR EACH ROW WHEN ((OLD.reminder_offsets <> '{}' OR NEW.reminder_offsets <> '{}' OR NEW.reminder_offset IS NOT NULL)
    AND (OLD.due_date IS DISTINCT FROM NEW.due_date OR (OLD.status = 'completed') <> (NEW.status = 'completed')
      OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL) OR (OLD.archived_at IS NULL) <> (NEW.archived_at IS NULL)
      OR OLD.is_template <> NEW.is_template OR OLD.reminder_offsets <> NEW.reminder_offsets
      OR (OLD.reminder_offset IS DISTINCT FROM NEW.reminder_offset
        AND coalesce(NEW.reminder_offset <> ALL (NEW.reminder_offsets), true))))
  EXECUTE FUNCTION keep_reminders();

-- It shows all columns.
CREATE OR REPLACE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;
