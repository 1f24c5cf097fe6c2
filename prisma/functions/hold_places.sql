-- Claims in projects with limits take turns: each counts what the one before has committed. All locks in the order of the
-- projects, those that hold a project as it is before those of its places; nobody who has them waits for a task.
CREATE OR REPLACE FUNCTION hold_places(wanted text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM hold_project(w.project) FROM (SELECT unnest(wanted) COLLATE "C" AS project ORDER BY 1) w;
  PERFORM pg_advisory_xact_lock(hashtextextended(l.project_id, 7013913)) FROM (
    SELECT p.project_id FROM projects p WHERE p.project_id = ANY (wanted) AND is_limited(p.settings)
    ORDER BY p.project_id COLLATE "C") l;
END $$;
