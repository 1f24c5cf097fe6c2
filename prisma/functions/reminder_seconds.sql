-- How long before it is due a task reminds of it, in seconds: a day has 86,400, whatever the time zone of the session.
CREATE OR REPLACE FUNCTION reminder_seconds(reminder_offset text) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT extract(epoch FROM reminder_offset::interval)::integer $$;
