-- A task that recurs is a template, which nobody works on; its instances are plain tasks, at most one for each of its dates.
ALTER TABLE tasks
  ADD COLUMN recurrence_pattern text CHECK (char_length(recurrence_pattern) BETWEEN 1 AND 300),
  ADD COLUMN recurrence_time_zone text CHECK (char_length(recurrence_time_zone) BETWEEN 1 AND 100),
  ADD COLUMN recurrence_end_date date,
  ADD COLUMN catch_up text CHECK (catch_up IN ('one', 'all', 'none')),
  ADD COLUMN recurrence_paused_at timestamptz,
  ADD COLUMN parent_recurring_task_id varchar(20),
  ADD COLUMN occurrence_date date,
  ADD CONSTRAINT chk_recurrence_requires_due_date CHECK (recurrence_pattern IS NULL OR due_date IS NOT NULL),
  ADD CONSTRAINT chk_recurrence_is_whole CHECK (CASE WHEN recurrence_pattern IS NULL
    THEN num_nonnulls(recurrence_time_zone, recurrence_end_date, catch_up, recurrence_paused_at) = 0
    ELSE is_template AND num_nulls(recurrence_time_zone, catch_up) = 0 END),
  ADD CONSTRAINT chk_instance_has_date CHECK ((parent_recurring_task_id IS NULL) = (occurrence_date IS NULL)),
  ADD CONSTRAINT chk_instance_is_no_template CHECK (parent_recurring_task_id IS NULL OR NOT is_template),
  ADD CONSTRAINT tasks_parent_recurring_fkey FOREIGN KEY (project_id, parent_recurring_task_id) REFERENCES tasks;
CREATE UNIQUE INDEX uniq_recurring_instance ON tasks (project_id, parent_recurring_task_id, occurrence_date)
  WHERE parent_recurring_task_id IS NOT NULL;
CREATE INDEX idx_tasks_parent_recurring ON tasks (project_id, parent_recurring_task_id)
  WHERE parent_recurring_task_id IS NOT NULL;
CREATE INDEX idx_tasks_recurrence ON tasks (project_id, task_id) WHERE recurrence_pattern IS NOT NULL;
CREATE INDEX idx_tasks_due_date ON tasks (project_id, due_date) WHERE due_date IS NOT NULL;

CREATE OR REPLACE VIEW archived_work_items AS SELECT * FROM tasks WHERE archived_at IS NOT NULL;

-- How far each template has come. The dates are the truth: the instants follow from them by the zone data of the server's
-- runtime (`tz_version`). `starts_on` is null until the rule is settled; `next_on` is null when nothing follows, `next_at`
-- when nobody has to look at it. Narrow and apart from the tasks, as every row of it changes with each occurrence.
CREATE TABLE recurrences (
  project_id varchar(100) NOT NULL,
  task_id varchar(20) NOT NULL,
  starts_on date,
  until date,
  due_time time,
  next_on date,
  next_at timestamptz DEFAULT docket_now(),
  tz_version text,
  skipped date[] NOT NULL DEFAULT '{}' CHECK (cardinality(skipped) <= 100),
  PRIMARY KEY (project_id, task_id),
  FOREIGN KEY (project_id, task_id) REFERENCES tasks
) WITH (fillfactor = 70);
CREATE INDEX idx_recurrences_due ON recurrences (next_at, project_id, task_id) WHERE next_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON recurrences TO docket_app;

-- What recurs is a template, and has a row in `recurrences`, wherever it is made. What decides when it recurs may be changed
-- by any statement: the row is then to be settled anew, from now on, by whoever looks at it first. One that is paused or put
-- away is not looked at.
CREATE OR REPLACE FUNCTION keep_recurrence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_WHEN = 'BEFORE' THEN
    NEW.is_template := true;
    NEW.recurrence_time_zone := coalesce(NEW.recurrence_time_zone, 'UTC');
    NEW.catch_up := coalesce(NEW.catch_up, 'one');
    RETURN NEW;
  END IF;
  INSERT INTO recurrences AS r (project_id, task_id) VALUES (NEW.project_id, NEW.task_id)
  ON CONFLICT (project_id, task_id) DO UPDATE SET starts_on = NULL, next_at = CASE
    WHEN NEW.deleted_at IS NULL AND NEW.archived_at IS NULL AND NEW.recurrence_paused_at IS NULL THEN docket_now() END;
  RETURN NULL;
END $$;

-- Before those triggers whose names come later, which ask whether it is a template.
CREATE OR REPLACE TRIGGER recurring_tasks_are_templates
  BEFORE INSERT OR UPDATE OF recurrence_pattern, recurrence_time_zone, catch_up ON tasks FOR EACH ROW
  WHEN (NEW.recurrence_pattern IS NOT NULL) EXECUTE FUNCTION keep_recurrence();

CREATE OR REPLACE TRIGGER recurring_tasks_begin AFTER INSERT ON tasks FOR EACH ROW
  WHEN (NEW.recurrence_pattern IS NOT NULL) EXECUTE FUNCTION keep_recurrence();

CREATE OR REPLACE TRIGGER recurring_tasks_go_on AFTER UPDATE OF recurrence_pattern, recurrence_time_zone,
    recurrence_end_date, recurrence_paused_at, due_date, reminder_offsets, deleted_at, archived_at ON tasks FOR EACH ROW
  WHEN (NEW.recurrence_pattern IS NOT NULL AND
    (OLD.recurrence_pattern, OLD.recurrence_time_zone, OLD.recurrence_end_date, OLD.due_date, OLD.reminder_offsets,
      OLD.recurrence_paused_at IS NULL, OLD.deleted_at IS NULL, OLD.archived_at IS NULL) IS DISTINCT FROM
    (NEW.recurrence_pattern, NEW.recurrence_time_zone, NEW.recurrence_end_date, NEW.due_date, NEW.reminder_offsets,
      NEW.recurrence_paused_at IS NULL, NEW.deleted_at IS NULL, NEW.archived_at IS NULL))
  EXECUTE FUNCTION keep_recurrence();
