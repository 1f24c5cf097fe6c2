-- The one clock. STABLE, so that an index can be searched with it; the statement's time, so that a transaction
-- that waited for a lock does not judge a lease by the moment it began to wait.
CREATE OR REPLACE FUNCTION docket_now() RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN statement_timestamp() + coalesce((SELECT moved_by FROM clock_offset), interval '0');
END $$;
