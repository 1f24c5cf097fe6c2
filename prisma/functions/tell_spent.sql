-- Keeps until when claims in a project take nothing as its budget is spent, NULL where they do, and tells of it where that
-- is something else than before: so it is once for each period and budget that they do not, and once that they do again.
CREATE OR REPLACE FUNCTION tell_spent(project text, until timestamptz, told jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  was timestamptz;
BEGIN
  SELECT p.budget_spent_until INTO was FROM projects p WHERE p.project_id = project;
  IF until IS NOT DISTINCT FROM was THEN
    RETURN;
  END IF;
  UPDATE projects p SET budget_spent_until = until WHERE p.project_id = project;
  INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload)
  VALUES (CASE WHEN until IS NULL THEN 'project.budget_available' ELSE 'project.budget_spent' END, project, 'project', project,
    told || jsonb_build_object('changes', changes_between(jsonb_build_object('budgetSpentUntil', was),
      jsonb_build_object('budgetSpentUntil', until))));
END $$;
