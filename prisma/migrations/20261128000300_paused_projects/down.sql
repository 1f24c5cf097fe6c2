CREATE OR REPLACE FUNCTION hold_project_open(project text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(project, 7013912));
  -- A statement of its own: it sees what was committed while the lock was waited for.
  RETURN NOT EXISTS (SELECT FROM projects p WHERE p.project_id = project AND p.archived_at IS NOT NULL);
END $$;

CREATE FUNCTION refuse_archived_project(project text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT hold_project_open(project) THEN
    RAISE EXCEPTION 'Project % is archived', project USING ERRCODE = 'DK001', DETAIL = project;
  END IF;
END $$;

CREATE FUNCTION refuse_work_in_archived_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_archived_project(NEW.project_id);
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER claims_need_an_open_project BEFORE UPDATE OF status, attempts ON tasks FOR EACH ROW
  WHEN (NEW.attempts > OLD.attempts OR (OLD.status <> 'in_progress' AND NEW.status <> OLD.status))
  EXECUTE FUNCTION refuse_work_in_archived_project();

CREATE FUNCTION refuse_tasks_in_archived_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_archived_project(a.project_id) FROM (SELECT DISTINCT project_id FROM added ORDER BY 1) a;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER new_tasks_need_an_open_project AFTER INSERT ON tasks REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_tasks_in_archived_project();

DROP FUNCTION refuse_new_tasks();
DROP FUNCTION refuse_claim();
DROP FUNCTION refuse_work(text, boolean);
DROP FUNCTION hold_project(text);
DROP FUNCTION is_paused(timestamptz, timestamptz);
DROP INDEX idx_projects_paused_until;
ALTER TABLE projects DROP CONSTRAINT chk_paused, DROP COLUMN paused_until, DROP COLUMN pause_reason, DROP COLUMN paused_at;
