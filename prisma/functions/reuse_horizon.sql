-- What ended up to this instant may be given again: at once, after the namespace's quarantine, or never. STABLE, so that
-- idx_reservations_ended is searched with it.
CREATE OR REPLACE FUNCTION reuse_horizon(ns text) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN (
    SELECT CASE WHEN n.reuse = 'never' THEN '-infinity'
      ELSE docket_now() - make_interval(secs => coalesce(n.quarantine_seconds, 0)) END
    FROM namespaces n WHERE n.namespace = ns);
END $$;
