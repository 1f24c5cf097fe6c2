-- A paused project hands out no work until it is resumed or its pause is over; what is held goes on.
ALTER TABLE projects
  ADD COLUMN paused_at timestamptz,
  ADD COLUMN pause_reason text CHECK (char_length(pause_reason) BETWEEN 1 AND 500),
  ADD COLUMN paused_until timestamptz,
  ADD CONSTRAINT chk_paused CHECK (paused_at IS NOT NULL OR (pause_reason IS NULL AND paused_until IS NULL));
-- Paused projects are few: what ends the pauses that are over looks here.
CREATE INDEX idx_projects_paused_until ON projects (paused_until) WHERE paused_until IS NOT NULL;

-- Whether a project hands out no work now: a pause that is over counts no more, also before anybody has ended it.
CREATE FUNCTION is_paused(paused_at timestamptz, paused_until timestamptz) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT paused_at IS NOT NULL AND (paused_until IS NULL OR paused_until > docket_now()) $$;

-- Claims and new work hold a project as it is until they commit, and who archives or pauses it waits for them. An advisory
-- lock: a lock of the project's row would be written into that row by every claim. What is asked in a statement after it
-- sees what was committed while it was waited for.
CREATE FUNCTION hold_project(project text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(project, 7013912));
END $$;

CREATE OR REPLACE FUNCTION hold_project_open(project text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hold_project(project);
  RETURN NOT EXISTS (SELECT FROM projects p WHERE p.project_id = project AND p.archived_at IS NOT NULL);
END $$;

-- Work needs a project that is not archived, and a claim one that is not paused either.
CREATE FUNCTION refuse_work(project text, claimed boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  archived boolean;
  paused boolean;
BEGIN
  PERFORM hold_project(project);
  SELECT p.archived_at IS NOT NULL, claimed AND is_paused(p.paused_at, p.paused_until) INTO archived, paused
  FROM projects p WHERE p.project_id = project;
  IF archived THEN
    RAISE EXCEPTION 'Project % is archived', project USING ERRCODE = 'DK001', DETAIL = project;
  ELSIF paused THEN
    RAISE EXCEPTION 'Project % is paused', project USING ERRCODE = 'DK002', DETAIL = project;
  END IF;
END $$;

CREATE FUNCTION refuse_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_work(NEW.project_id, NEW.status = 'in_progress');
  RETURN NEW;
END $$;

-- A claim, also of what an expired lease holds, and a reset of what is completed.
CREATE OR REPLACE TRIGGER claims_need_an_open_project BEFORE UPDATE OF status, attempts ON tasks FOR EACH ROW
  WHEN (NEW.attempts > OLD.attempts OR (OLD.status <> 'in_progress' AND NEW.status <> OLD.status))
  EXECUTE FUNCTION refuse_claim();

CREATE FUNCTION refuse_new_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_work(a.project_id, a.claimed)
  FROM (SELECT project_id, bool_or(status = 'in_progress') AS claimed FROM added GROUP BY 1 ORDER BY 1) a;
  RETURN NULL;
END $$;

-- Once for a batch, not for each of its rows.
CREATE OR REPLACE TRIGGER new_tasks_need_an_open_project AFTER INSERT ON tasks REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_new_tasks();

DROP FUNCTION refuse_work_in_archived_project();
DROP FUNCTION refuse_tasks_in_archived_project();
DROP FUNCTION refuse_archived_project(text);
