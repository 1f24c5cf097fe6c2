-- The built-in artifact types, then the project's own.
CREATE OR REPLACE FUNCTION artifact_types(settings jsonb) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  types text[] := '{US,SPEC,TASK,EPIC,PRD,HLS,VIS,INIT,SPIKE,ADR}';
  own text;
BEGIN
  FOR own IN SELECT jsonb_array_elements_text(settings -> 'artifactTypes') LOOP
    IF NOT own = ANY (types) THEN
      types := types || own;
    END IF;
  END LOOP;
  RETURN types;
END $$;
