-- Work needs a project that is not archived, and a claim one that is not paused either.
CREATE OR REPLACE FUNCTION refuse_work(project text, claimed boolean) RETURNS void LANGUAGE plpgsql AS $$
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
