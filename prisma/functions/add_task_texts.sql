CREATE OR REPLACE FUNCTION add_task_texts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO task_texts (project_id, task_id, text)
  SELECT n.project_id, n.task_id, task_text(n::tasks) FROM new_tasks n;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tasks_have_texts AFTER INSERT ON tasks REFERENCING NEW TABLE AS new_tasks
  FOR EACH STATEMENT EXECUTE FUNCTION add_task_texts();

REVOKE EXECUTE ON FUNCTION add_task_texts() FROM PUBLIC;
