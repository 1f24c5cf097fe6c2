CREATE OR REPLACE FUNCTION refuse_tasks_in_archived_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_archived_project(a.project_id) FROM (SELECT DISTINCT project_id FROM added ORDER BY 1) a;
  RETURN NULL;
END $$;

-- Once for a batch, not for each of its rows.
CREATE OR REPLACE TRIGGER new_tasks_need_an_open_project AFTER INSERT ON tasks REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_tasks_in_archived_project();
