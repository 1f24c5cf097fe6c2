-- Claims and new work hold a project as it is until they commit, and who archives or pauses it waits for them. An advisory
-- lock: a lock of the project's row would be written into that row by every claim. What is asked in a statement after it
-- sees what was committed while it was waited for.
CREATE OR REPLACE FUNCTION hold_project(project text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended(project, 7013912));
END $$;
