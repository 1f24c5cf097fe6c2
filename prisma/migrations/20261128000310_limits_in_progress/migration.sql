-- How many tasks of a project, and how many of one worker in it, may be in progress at once: exactly so many, whoever takes
-- them and however. Projects and sessions take no place: people hold them for as long as they last.
CREATE FUNCTION most_in_progress(settings jsonb) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT (settings ->> 'maxInProgress')::integer $$;

CREATE FUNCTION most_per_worker(settings jsonb) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT (settings ->> 'maxInProgressPerWorker')::integer $$;

CREATE FUNCTION is_limited(settings jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT settings ->> 'maxInProgress' IS NOT NULL OR settings ->> 'maxInProgressPerWorker' IS NOT NULL $$;

ALTER TABLE projects ADD CONSTRAINT chk_limits CHECK (least(most_in_progress(settings), most_per_worker(settings)) >= 1);

-- Claims in projects with limits take turns: each counts what the one before has committed. All locks in the order of the
-- projects, those that hold a project as it is before those of its places; nobody who has them waits for a task.
CREATE FUNCTION hold_places(wanted text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hold_project(w.project) FROM (SELECT unnest(wanted) COLLATE "C" AS project ORDER BY 1) w;
  PERFORM pg_advisory_xact_lock(hashtextextended(l.project_id, 7013913)) FROM (
    SELECT p.project_id FROM projects p WHERE p.project_id = ANY (wanted) AND is_limited(p.settings)
    ORDER BY p.project_id COLLATE "C") l;
END $$;

-- Refuses so many more tasks in progress in a project, and of one worker in it, where that is beyond a limit; NULL is none,
-- and 0 asks about those that are there.
CREATE FUNCTION refuse_beyond_limits(project text, worker text, more integer, more_of_worker integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  beyond text;
BEGIN
  IF more IS NULL AND more_of_worker IS NULL THEN
    RETURN;
  END IF;
  PERFORM hold_places(ARRAY[project]);
  SELECT CASE WHEN taken.of_all + more > most_in_progress(p.settings) THEN 'DK003'
    WHEN taken.of_worker + more_of_worker > most_per_worker(p.settings) THEN 'DK004' END INTO beyond
  FROM projects p CROSS JOIN LATERAL (
    SELECT count(*) AS of_all, count(*) FILTER (WHERE t.claimed_by = worker) AS of_worker FROM tasks t
    WHERE t.project_id = p.project_id AND t.lease_expires_at IS NOT NULL AND t.archived_at IS NULL
      AND t.kind IN ('task', 'research')) taken
  WHERE p.project_id = project;
  IF beyond IS NOT NULL THEN
    RAISE EXCEPTION 'More tasks of project % would be in progress than may be', project USING ERRCODE = beyond, DETAIL = project;
  END IF;
END $$;

-- Work needs a project that is not archived, and a claim one that is not paused either. Tells whether the project has limits.
DROP FUNCTION refuse_work(text, boolean);
CREATE FUNCTION refuse_work(project text, claimed boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  archived boolean;
  paused boolean;
  limited boolean;
BEGIN
  PERFORM hold_project(project);
  SELECT p.archived_at IS NOT NULL, claimed AND is_paused(p.paused_at, p.paused_until), is_limited(p.settings)
  INTO archived, paused, limited FROM projects p WHERE p.project_id = project;
  IF archived THEN
    RAISE EXCEPTION 'Project % is archived', project USING ERRCODE = 'DK001', DETAIL = project;
  ELSIF paused THEN
    RAISE EXCEPTION 'Project % is paused', project USING ERRCODE = 'DK002', DETAIL = project;
  END IF;
  RETURN limited;
END $$;

CREATE OR REPLACE FUNCTION refuse_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF refuse_work(NEW.project_id, NEW.status = 'in_progress') AND NEW.status = 'in_progress'
    AND NEW.kind IN ('task', 'research') THEN
    -- What an expired lease holds has its place; another worker that takes it needs one of its own.
    PERFORM refuse_beyond_limits(NEW.project_id, NEW.claimed_by,
      CASE WHEN OLD.status <> 'in_progress' THEN 1 END,
      CASE WHEN OLD.status <> 'in_progress' OR OLD.claimed_by IS DISTINCT FROM NEW.claimed_by THEN 1 END);
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION refuse_new_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_work(a.project_id, a.claimed)
  FROM (SELECT project_id, bool_or(status = 'in_progress') AS claimed FROM added GROUP BY 1 ORDER BY project_id COLLATE "C") a;
  PERFORM refuse_beyond_limits(a.project_id, a.claimed_by, 0, 0) FROM (
    SELECT project_id, claimed_by FROM added JOIN projects p USING (project_id)
    WHERE status = 'in_progress' AND kind IN ('task', 'research') AND is_limited(p.settings)
    GROUP BY 1, 2 ORDER BY project_id COLLATE "C") a;
  RETURN NULL;
END $$;

-- A project or session that somebody holds becomes a task.
CREATE FUNCTION refuse_kind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_beyond_limits(NEW.project_id, NEW.claimed_by, 1, 1);
  RETURN NEW;
END $$;

CREATE TRIGGER kinds_need_a_place BEFORE UPDATE OF kind ON tasks FOR EACH ROW
  WHEN (NEW.status = 'in_progress' AND NEW.kind IN ('task', 'research') AND OLD.kind NOT IN ('task', 'research'))
  EXECUTE FUNCTION refuse_kind();
