-- Artifact IDs: where each sequence stands, and every number ever given.
-- Whoever writes here locks id_lane first, then the rows of id_registry in (namespace, type) order, then reservations.

-- The lane of all writers. Combined reservations take it EXCLUSIVE, others ROW EXCLUSIVE; it never has a row.
CREATE TABLE id_lane (lane boolean);

-- "This project numbers its artifacts in this namespace", for reservations to refer to.
ALTER TABLE projects ADD CONSTRAINT uniq_projects_namespace UNIQUE (project_id, id_namespace);

CREATE TABLE id_registry (
  namespace varchar(100) NOT NULL REFERENCES namespaces,
  artifact_type varchar(10) NOT NULL CHECK (artifact_type ~ '^[A-Z]{2,10}$'),
  last_assigned_id bigint NOT NULL DEFAULT 0
    CONSTRAINT chk_last_assigned CHECK (last_assigned_id BETWEEN 0 AND 2147483647),
  -- Numbers that came back and may be given again. Those below the counter that are neither here nor live are void.
  released int8multirange NOT NULL DEFAULT '{}',
  PRIMARY KEY (namespace, artifact_type),
  CONSTRAINT chk_released_was_assigned CHECK (released <@ int8multirange(int8range(1, last_assigned_id + 1)))
);

-- A row is live until its numbers are returned to the registry; confirmed rows are live for ever. nextId, registerIds
-- and task IDs write confirmed rows too, so the exclusion constraint covers every number ever given.
CREATE TABLE id_reservations (
  namespace varchar(100) NOT NULL,
  reservation_id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  artifact_type varchar(10) NOT NULL,
  project_id varchar(100) NOT NULL,
  numbers int8multirange NOT NULL
    CONSTRAINT chk_numbers CHECK (NOT isempty(numbers) AND numbers <@ '{[1,2147483647]}'::int8multirange),
  reserved_at timestamptz NOT NULL DEFAULT docket_now(),
  -- null where the numbers were confirmed at once
  expires_at timestamptz,
  confirmed_at timestamptz,
  released_at timestamptz,
  -- when a later writer found it expired; it has been expired since expires_at
  expired_at timestamptz,
  returned_at timestamptz,
  branch text CHECK (char_length(branch) BETWEEN 1 AND 255),
  task_id varchar(20),
  PRIMARY KEY (namespace, reservation_id),
  FOREIGN KEY (namespace, artifact_type) REFERENCES id_registry,
  FOREIGN KEY (project_id, namespace) REFERENCES projects (project_id, id_namespace),
  FOREIGN KEY (project_id, task_id) REFERENCES tasks,
  CONSTRAINT chk_ends_once CHECK (num_nonnulls(confirmed_at, released_at, expired_at) <= 1),
  CONSTRAINT chk_expires_or_confirmed CHECK (expires_at IS NOT NULL OR confirmed_at IS NOT NULL),
  CONSTRAINT chk_returned_after_end CHECK (returned_at IS NULL OR released_at IS NOT NULL OR expired_at IS NOT NULL),
  CONSTRAINT excl_live_numbers
    EXCLUDE USING gist (namespace WITH =, artifact_type WITH =, numbers WITH &&) WHERE (returned_at IS NULL)
);
CREATE INDEX idx_reservations_open ON id_reservations (namespace, artifact_type, expires_at)
  WHERE confirmed_at IS NULL AND released_at IS NULL AND expired_at IS NULL;
CREATE INDEX idx_reservations_returnable ON id_reservations (namespace, artifact_type, (coalesce(released_at, expires_at)))
  WHERE confirmed_at IS NULL AND returned_at IS NULL;
CREATE INDEX idx_reservations_project ON id_reservations (project_id, reserved_at, reservation_id);

CREATE FUNCTION refuse_id_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER settled_reservations_stay BEFORE UPDATE ON id_reservations FOR EACH ROW
  WHEN (OLD.confirmed_at IS NOT NULL OR OLD.returned_at IS NOT NULL)
  EXECUTE FUNCTION refuse_id_change('A reservation whose numbers are confirmed or returned never changes');
-- A live number above the counter would be given to somebody else next.
CREATE FUNCTION refuse_numbers_not_given() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF upper(NEW.numbers) - 1 > (SELECT g.last_assigned_id FROM id_registry g
                               WHERE g.namespace = NEW.namespace AND g.artifact_type = NEW.artifact_type) THEN
    RAISE EXCEPTION 'Numbers above the counter of % in % cannot be held', NEW.artifact_type, NEW.namespace
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER numbers_were_given BEFORE INSERT ON id_reservations
  FOR EACH ROW EXECUTE FUNCTION refuse_numbers_not_given();
CREATE TRIGGER numbers_only_shrink BEFORE UPDATE ON id_reservations FOR EACH ROW
  WHEN (NOT NEW.numbers <@ OLD.numbers OR (NEW.namespace, NEW.artifact_type) <> (OLD.namespace, OLD.artifact_type))
  EXECUTE FUNCTION refuse_id_change('A reservation never takes numbers that it did not hold');
CREATE TRIGGER counters_never_fall BEFORE UPDATE ON id_registry FOR EACH ROW
  WHEN (NEW.last_assigned_id < OLD.last_assigned_id)
  EXECUTE FUNCTION refuse_id_change('The counter of an ID sequence never falls');

CREATE FUNCTION reservation_status(r id_reservations) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN r.confirmed_at IS NOT NULL THEN 'confirmed'
    WHEN r.released_at IS NOT NULL THEN 'released'
    WHEN r.expired_at IS NOT NULL OR r.expires_at <= docket_now() THEN 'expired'
    ELSE 'active'
  END
$$;

-- What ended up to this instant may be given again: at once, after the namespace's quarantine, or never. STABLE, so that
-- idx_reservations_returnable is searched with it.
CREATE FUNCTION reuse_horizon(ns text) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN (
    SELECT CASE WHEN n.reuse = 'never' THEN '-infinity'
      ELSE docket_now() - make_interval(secs => coalesce(n.quarantine_seconds, 0)) END
    FROM namespaces n WHERE n.namespace = ns);
END $$;

-- In plpgsql where a sequence's hot path calls it: a function in plain SQL that is not inlined is planned at each call.

-- The built-in artifact types, then the project's own.
CREATE FUNCTION artifact_types(settings jsonb) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
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

-- US-007, US-1000. lpad() alone would cut what is longer.
CREATE FUNCTION artifact_id(type text, number bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT type || '-' || lpad(number::text, greatest(3, length(number::text)), '0') $$;
CREATE FUNCTION artifact_ids(type text, numbers int8multirange) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN ARRAY(SELECT artifact_id(type, n) FROM unnest(numbers) run, generate_series(lower(run), upper(run) - 1) n);
END $$;
-- As ranges: US-007, US-028..US-030.
CREATE FUNCTION artifact_id_ranges(type text, numbers int8multirange) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN ARRAY(SELECT artifact_id(type, lower(run))
    || CASE WHEN upper(run) - lower(run) > 1 THEN '..' || artifact_id(type, upper(run) - 1) ELSE '' END
    FROM unnest(numbers) run);
END $$;
CREATE FUNCTION number_set(numbers bigint[]) RETURNS int8multirange LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN coalesce((SELECT range_agg(int8range(n, n + 1)) FROM unnest(numbers) n), '{}');
END $$;

GRANT UPDATE ON id_lane TO docket_app;
GRANT SELECT, INSERT, UPDATE ON id_registry, id_reservations TO docket_app;
