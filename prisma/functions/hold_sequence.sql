-- Locks a sequence's row, made when missing, and brings it up to now.
CREATE OR REPLACE FUNCTION hold_sequence(ns text, type text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- NO KEY: who splits a reservation refers to this row, and must not wait for it.
  PERFORM FROM id_registry WHERE namespace = ns AND artifact_type = type FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO id_registry (namespace, artifact_type) VALUES (ns, type) ON CONFLICT DO NOTHING;
    PERFORM FROM id_registry WHERE namespace = ns AND artifact_type = type FOR NO KEY UPDATE;
  END IF;
  PERFORM return_numbers(ns, type);
END $$;
