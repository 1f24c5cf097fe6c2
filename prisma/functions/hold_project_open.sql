-- The same, and whether the project is not archived.
CREATE OR REPLACE FUNCTION hold_project_open(project text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hold_project(project);
  RETURN NOT EXISTS (SELECT FROM projects p WHERE p.project_id = project AND p.archived_at IS NOT NULL);
END $$;
