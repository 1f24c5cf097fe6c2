-- Tells the parents of new tasks that these are open: all that a statement adds at once, as a plan brings hundreds.
CREATE OR REPLACE FUNCTION count_new_children() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tasks t SET open_children = t.open_children + c.more FROM (
    SELECT a.project_id, a.parent_task_id, count(*)::integer AS more FROM added a
    WHERE a.parent_task_id IS NOT NULL AND is_open(a.status, a.deleted_at, a.is_template)
    GROUP BY a.project_id, a.parent_task_id) c
  WHERE t.project_id = c.project_id AND t.task_id = c.parent_task_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER new_tasks_count AFTER INSERT ON tasks
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_new_children();
