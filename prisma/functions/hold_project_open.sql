-- Claims and new work hold a project open until they commit, and who archives it waits for them. An advisory lock: a
-- lock of the project's row would be written into that row by every claim.
CREATE OR REPLACE FUNCTION hold_project_open(project text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(project, 7013912));
  -- A statement of its own: it sees what was committed while the lock was waited for.
  RETURN NOT EXISTS (SELECT FROM projects p WHERE p.project_id = project AND p.archived_at IS NOT NULL);
END $$;
