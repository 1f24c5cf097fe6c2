-- LIKE + ATTACH, because CREATE … PARTITION OF waits for readers and holds up every writer behind it. ATTACH still waits
-- for an ANALYZE or a reindexing of the log: not for long, see drain().
CREATE OR REPLACE FUNCTION add_log_partition() RETURNS void LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
DECLARE
  first bigint;
  size bigint;
  name text;
BEGIN
  SELECT partitions_end, partition_size INTO first, size FROM log_head;
  name := 'events_from_' || first;
  EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
  EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name, first, first + size);
  EXECUTE format('CREATE TRIGGER events_not_truncated BEFORE TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_log_change()', name);
  EXECUTE format('GRANT SELECT ON %I TO docket_app', name);
  UPDATE log_head SET partitions_end = first + size;
END $$;

REVOKE EXECUTE ON FUNCTION add_log_partition() FROM PUBLIC;
