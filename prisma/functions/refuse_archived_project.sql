CREATE OR REPLACE FUNCTION refuse_archived_project(project text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT hold_project_open(project) THEN
    RAISE EXCEPTION 'Project % is archived', project USING ERRCODE = 'DK001', DETAIL = project;
  END IF;
END $$;
