-- Whether `blocker` waits already, through whatever lies between, for `task`: then `task` must not wait for it. A task
-- waits for what it depends on and for its children, settled ones too, as a reset opens them again. It is walked from both
-- ends in turns until one of them is at its end: mostly one of the two has little before it. The caller holds the lock of
-- the graph.
CREATE OR REPLACE FUNCTION closes_circle(task_project text, task text, blocker_project text, blocker text)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  up CURSOR FOR WITH RECURSIVE waits (project_id, task_id) AS (
    SELECT blocker_project::varchar, blocker::varchar
    UNION SELECT n.project_id, n.task_id FROM waits w CROSS JOIN LATERAL (
      SELECT d.depends_on_project_id AS project_id, d.depends_on_task_id AS task_id FROM task_dependencies d
      WHERE d.project_id = w.project_id AND d.task_id = w.task_id AND d.kind = 'blocks'
      UNION ALL SELECT c.project_id, c.task_id FROM tasks c
      WHERE c.project_id = w.project_id AND c.parent_task_id = w.task_id) n
  ) SELECT w.project_id, w.task_id FROM waits w;
  down CURSOR FOR WITH RECURSIVE keeps (project_id, task_id) AS (
    SELECT task_project::varchar, task::varchar
    UNION SELECT n.project_id, n.task_id FROM keeps k CROSS JOIN LATERAL (
      SELECT d.project_id, d.task_id FROM task_dependencies d
      WHERE d.depends_on_project_id = k.project_id AND d.depends_on_task_id = k.task_id AND d.kind = 'blocks'
      UNION ALL SELECT c.project_id, c.parent_task_id FROM tasks c
      WHERE c.project_id = k.project_id AND c.task_id = k.task_id AND c.parent_task_id IS NOT NULL) n
  ) SELECT k.project_id, k.task_id FROM keeps k;
  here record;
BEGIN
  OPEN up;
  OPEN down;
  LOOP
    FETCH up INTO here;
    IF NOT FOUND THEN
      RETURN false;
    ELSIF here.project_id = task_project AND here.task_id = task THEN
      RETURN true;
    END IF;
    FETCH down INTO here;
    IF NOT FOUND THEN
      RETURN false;
    ELSIF here.project_id = blocker_project AND here.task_id = blocker THEN
      RETURN true;
    END IF;
  END LOOP;
END $$;

DROP FUNCTION closes_circle(text[], text[], text[], text[]);
