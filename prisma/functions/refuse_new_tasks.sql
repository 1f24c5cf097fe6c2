CREATE OR REPLACE FUNCTION refuse_new_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_work(a.project_id, a.claimed)
  FROM (SELECT project_id, bool_or(status = 'in_progress') AS claimed FROM added GROUP BY 1 ORDER BY project_id COLLATE "C") a;
  PERFORM refuse_beyond_limits(a.project_id, a.claimed_by, 0, 0) FROM (
    SELECT project_id, claimed_by FROM added JOIN projects p USING (project_id)
    WHERE status = 'in_progress' AND kind IN ('task', 'research') AND is_limited(p.settings)
    GROUP BY 1, 2 ORDER BY project_id COLLATE "C") a;
  RETURN NULL;
END $$;

-- Once for a batch, not for each of its rows.
CREATE OR REPLACE TRIGGER new_tasks_need_an_open_project AFTER INSERT ON tasks REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_new_tasks();
