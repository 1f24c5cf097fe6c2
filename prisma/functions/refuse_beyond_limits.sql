-- Refuses so many more tasks in progress in a project, and of one worker in it, where that is beyond a limit; NULL is none,
-- and 0 asks about those that are there.
CREATE OR REPLACE FUNCTION refuse_beyond_limits(project text, worker text, more integer, more_of_worker integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  beyond text;
BEGIN
  IF more IS NULL AND more_of_worker IS NULL THEN
    RETURN;
  END IF;
  PERFORM hold_places(ARRAY[project]);
  SELECT CASE WHEN taken.of_all + more > most_in_progress(p.settings) THEN 'DK003'
    WHEN taken.of_worker + more_of_worker > most_per_worker(p.settings) THEN 'DK004' END INTO beyond
  FROM projects p CROSS JOIN LATERAL (
    SELECT count(*) AS of_all, count(*) FILTER (WHERE t.claimed_by = worker) AS of_worker FROM tasks t
    WHERE t.project_id = p.project_id AND t.lease_expires_at IS NOT NULL AND t.archived_at IS NULL
      AND t.kind IN ('task', 'research')) taken
  WHERE p.project_id = project;
  IF beyond IS NOT NULL THEN
    RAISE EXCEPTION 'More tasks of project % would be in progress than may be', project USING ERRCODE = beyond, DETAIL = project;
  END IF;
END $$;
