-- Whether one of the `blockers` waits already, through whatever lies between, for one of the `tasks`, or is one of them:
-- then those must not wait for it. A task waits for what it depends on and for its children, settled ones too, as a reset
-- opens them again. It is walked from both ends in turns until one of them is at its end: mostly one of the two has little
-- before it. The caller holds the lock of the graph.
CREATE OR REPLACE FUNCTION closes_circle(task_projects text[], tasks text[], blocker_projects text[], blockers text[])
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  up CURSOR FOR WITH RECURSIVE waits (project_id, task_id) AS (
    SELECT * FROM unnest(blocker_projects::varchar[], blockers::varchar[])
    UNION SELECT n.project_id, n.task_id FROM waits w CROSS JOIN LATERAL (
      SELECT d.depends_on_project_id AS project_id, d.depends_on_task_id AS task_id FROM task_dependencies d
      WHERE d.project_id = w.project_id AND d.task_id = w.task_id AND d.kind = 'blocks'
      UNION ALL SELECT c.project_id, c.task_id FROM tasks c
      WHERE c.project_id = w.project_id AND c.parent_task_id = w.task_id) n
  ) SELECT w.project_id || '/' || w.task_id AS name FROM waits w;
  down CURSOR FOR WITH RECURSIVE keeps (project_id, task_id) AS (
    SELECT * FROM unnest(task_projects::varchar[], tasks::varchar[])
    UNION SELECT n.project_id, n.task_id FROM keeps k CROSS JOIN LATERAL (
      SELECT d.project_id, d.task_id FROM task_dependencies d
      WHERE d.depends_on_project_id = k.project_id AND d.depends_on_task_id = k.task_id AND d.kind = 'blocks'
      UNION ALL SELECT c.project_id, c.parent_task_id FROM tasks c
      WHERE c.project_id = k.project_id AND c.task_id = k.task_id AND c.parent_task_id IS NOT NULL) n
  ) SELECT k.project_id || '/' || k.task_id AS name FROM keeps k;
  -- As objects: whether one of many has a name is asked of every task that is walked to.
  ends jsonb := (SELECT jsonb_object_agg(p || '/' || t, true) FROM unnest(task_projects, tasks) AS of (p, t));
  beginnings jsonb := (SELECT jsonb_object_agg(p || '/' || t, true) FROM unnest(blocker_projects, blockers) AS of (p, t));
  here record;
BEGIN
  OPEN up;
  OPEN down;
  LOOP
    FETCH up INTO here;
    IF NOT FOUND THEN
      RETURN false;
    ELSIF ends ? here.name THEN
      RETURN true;
    END IF;
    FETCH down INTO here;
    IF NOT FOUND THEN
      RETURN false;
    ELSIF beginnings ? here.name THEN
      RETURN true;
    END IF;
  END LOOP;
END $$;

-- The same for one task and one blocker.
CREATE OR REPLACE FUNCTION closes_circle(task_project text, task text, blocker_project text, blocker text)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT closes_circle(ARRAY[task_project], ARRAY[task], ARRAY[blocker_project], ARRAY[blocker])
$$;
