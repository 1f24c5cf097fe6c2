DROP TRIGGER usage_counts ON task_usage;
-- Work needs a project that is not archived, and a claim one that is not paused either. Tells whether the project has limits.
CREATE OR REPLACE FUNCTION refuse_work(project text, claimed boolean) RETURNS boolean LANGUAGE plpgsql AS $$
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

DROP FUNCTION count_usage();
DROP FUNCTION spend_budget(text, date, numeric);
DROP FUNCTION tell_spent(text, timestamptz, jsonb);
DROP FUNCTION is_spent(timestamptz);
DROP FUNCTION period_end(text, date);
DROP INDEX idx_projects_budget_spent;
ALTER TABLE projects DROP COLUMN budget_spent_until;
DROP TABLE project_budgets;
