-- The other side: nobody claims, adds or is given IDs until this transaction ends. Before any row is locked, as the lane.
CREATE OR REPLACE FUNCTION hold_project_still(project text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE id_lane IN ROW EXCLUSIVE MODE;
  PERFORM pg_advisory_xact_lock(hashtextextended(project, 7013912));
END $$;
