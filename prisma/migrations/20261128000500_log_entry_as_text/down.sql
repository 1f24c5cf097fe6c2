-- What a link of the chain says of its event. Instants as UTC microseconds: text of a timestamptz follows the session.
CREATE OR REPLACE FUNCTION log_entry(e events) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_array(e.position, e.number, e.event_id, e.event_type, e.project_id, e.subject_type, e.subject_id,
    e.actor, e.client, (extract(epoch FROM e.occurred_at) * 1000000)::bigint, e.correlation_id, e.payload)::text
$$;
