-- How many tasks of a project, and how many of one worker in it, may be in progress at once: exactly so many, whoever takes
-- them and however. Projects and sessions take no place: people hold them for as long as they last.
CREATE OR REPLACE FUNCTION most_in_progress(settings jsonb) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT (settings ->> 'maxInProgress')::integer $$;
