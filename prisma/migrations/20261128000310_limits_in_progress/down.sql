DROP TRIGGER kinds_need_a_place ON tasks;
DROP FUNCTION refuse_kind();

CREATE OR REPLACE FUNCTION refuse_new_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_work(a.project_id, a.claimed)
  FROM (SELECT project_id, bool_or(status = 'in_progress') AS claimed FROM added GROUP BY 1 ORDER BY 1) a;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION refuse_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_work(NEW.project_id, NEW.status = 'in_progress');
  RETURN NEW;
END $$;

DROP FUNCTION refuse_work(text, boolean);
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

DROP FUNCTION refuse_beyond_limits(text, text, integer, integer);
DROP FUNCTION hold_places(text[]);
ALTER TABLE projects DROP CONSTRAINT chk_limits;
DROP FUNCTION is_limited(jsonb);
DROP FUNCTION most_per_worker(jsonb);
DROP FUNCTION most_in_progress(jsonb);
