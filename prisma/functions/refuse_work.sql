-- Work needs a project that is not archived, and a claim one that is not paused either, and whose budget is not
-- spent. Tells whether the project has limits.
CREATE OR REPLACE FUNCTION refuse_work(project text, claimed boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  archived boolean;
  paused boolean;
  spent boolean;
  limited boolean;
BEGIN
  PERFORM hold_project(project);
  SELECT p.archived_at IS NOT NULL, claimed AND is_paused(p.paused_at, p.paused_until), claimed AND is_spent(p.budget_spent_until),
    is_limited(p.settings)
  INTO archived, paused, spent, limited FROM projects p WHERE p.project_id = project;
  IF archived THEN
    RAISE EXCEPTION 'Project % is archived', project USING ERRCODE = 'DK001', DETAIL = project;
  ELSIF paused THEN
    RAISE EXCEPTION 'Project % is paused', project USING ERRCODE = 'DK002', DETAIL = project;
  ELSIF spent THEN
    RAISE EXCEPTION 'The budget of project % is spent', project USING ERRCODE = 'DK005', DETAIL = project;
  END IF;
  RETURN limited;
END $$;
