-- Numbers cannot be spoilt: how far a sequence may be made to jump, what brings its counter down again, and an expired
-- reservation that is confirmed late, even after its numbers went back.

-- A voided row may be one that was confirmed at once.
ALTER TABLE id_reservations DROP CONSTRAINT chk_expires_or_confirmed;
ALTER TABLE id_reservations ADD CONSTRAINT chk_expires_or_confirmed
  CHECK (expires_at IS NOT NULL OR confirmed_at IS NOT NULL OR released_at IS NOT NULL);

-- What is settled changes in three ways: some confirmed numbers are voided and leave their row; all are, and it counts
-- as given back; an expired row whose numbers nobody was given since is confirmed late. Then excl_live_numbers judges it
-- again, so that two can never hold one number.
CREATE FUNCTION refuse_settled_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  allowed id_reservations := OLD;
BEGIN
  IF OLD.confirmed_at IS NOT NULL THEN
    allowed.numbers := NEW.numbers;
    IF NEW.confirmed_at IS NULL AND NEW.released_at IS NOT NULL AND NEW.returned_at IS NOT NULL THEN
      allowed.confirmed_at := NULL;
      allowed.released_at := NEW.released_at;
      allowed.returned_at := NEW.returned_at;
    END IF;
  ELSIF OLD.expired_at IS NOT NULL AND NEW.confirmed_at IS NOT NULL THEN
    allowed.numbers := NEW.numbers;
    allowed.confirmed_at := NEW.confirmed_at;
    allowed.expired_at := NULL;
    allowed.returned_at := NULL;
  END IF;
  IF NEW IS DISTINCT FROM allowed THEN
    RAISE EXCEPTION 'A reservation whose numbers are confirmed or returned changes only when they are voided or confirmed late'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER settled_reservations_stay ON id_reservations;
CREATE TRIGGER settled_reservations_stay BEFORE UPDATE ON id_reservations FOR EACH ROW
  WHEN (OLD.confirmed_at IS NOT NULL OR OLD.returned_at IS NOT NULL) EXECUTE FUNCTION refuse_settled_change();
CREATE TRIGGER retaken_numbers_were_given BEFORE UPDATE ON id_reservations FOR EACH ROW
  WHEN (OLD.returned_at IS NOT NULL AND NEW.returned_at IS NULL) EXECUTE FUNCTION refuse_numbers_not_given();

-- A live number above the counter would be given to somebody else later.
CREATE FUNCTION refuse_counter_below_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM id_reservations r
             WHERE r.namespace = NEW.namespace AND r.artifact_type = NEW.artifact_type AND r.returned_at IS NULL
               AND r.numbers && int8multirange(int8range(NEW.last_assigned_id + 1, NULL))) THEN
    RAISE EXCEPTION 'The counter of an ID sequence never falls below a number that is held'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
DROP TRIGGER counters_never_fall ON id_registry;
CREATE TRIGGER counters_stay_above_live BEFORE UPDATE ON id_registry FOR EACH ROW
  WHEN (NEW.last_assigned_id < OLD.last_assigned_id) EXECUTE FUNCTION refuse_counter_below_live();

-- The numbers above this one that living tasks of the namespace bear, also those of plain SQL. It reads them all: not
-- for what happens often.
CREATE FUNCTION living_task_numbers(ns text, type text, above bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT split_part(t.task_id, '-', 2)::bigint FROM projects p JOIN tasks t USING (project_id)
  WHERE p.id_namespace = ns AND t.deleted_at IS NULL AND starts_with(t.task_id, type || '-')
    AND split_part(t.task_id, '-', 2)::bigint BETWEEN above + 1 AND 2147483647
$$;

-- As before, but not when the highest number lies more than `jump_limit` above the highest that lives: then nothing is
-- recorded, and `jumps_from` is that highest one, 0 if there is none. Without a limit everything may be recorded.
CREATE FUNCTION record_numbers(ns text, type text, project text, wanted int8multirange, jump_limit bigint)
RETURNS TABLE (taken text, already text[], confirmed jsonb, jumps_from integer) LANGUAGE plpgsql AS $$
DECLARE
  highest bigint;
BEGIN
  PERFORM hold_sequence(ns, type);
  SELECT g.last_assigned_id INTO highest FROM id_registry g WHERE g.namespace = ns AND g.artifact_type = type;
  IF upper(wanted) - 1 - highest > jump_limit THEN
    highest := coalesce((SELECT max(n) FROM living_task_numbers(ns, type, highest) n), highest);
  END IF;
  IF upper(wanted) - 1 - highest > jump_limit THEN
    RETURN QUERY SELECT NULL::text, NULL::text[], NULL::jsonb, highest::integer;
  ELSE
    RETURN QUERY SELECT r.taken, r.already, r.confirmed, NULL::integer FROM record_numbers(ns, type, project, wanted) r;
  END IF;
END $$;

-- Takes confirmed numbers of a project back, all or none, and brings the counter down to the highest that lives: what
-- lies above it is free again, what lies below stays void.
-- `not_held`: the lowest that is not confirmed for the project; `borne`: the lowest that a living task of the namespace
-- bears, as its own ID or its artifact's. Nothing was voided then.
-- `was`, `stands`: the counter before and after.
CREATE FUNCTION void_numbers(ns text, type text, project text, unwanted int8multirange)
RETURNS TABLE (not_held text, borne text, was text, stands text) LANGUAGE plpgsql AS $$
DECLARE
  before bigint;
  highest bigint;
BEGIN
  PERFORM hold_sequence(ns, type);
  SELECT artifact_id(type, lower(unwanted - coalesce(range_agg(r.numbers), '{}'))) INTO not_held FROM id_reservations r
  WHERE r.namespace = ns AND r.artifact_type = type AND r.project_id = project AND r.confirmed_at IS NOT NULL
    AND r.numbers && unwanted;
  SELECT id INTO borne FROM unnest(artifact_ids(type, unwanted)) WITH ORDINALITY AS given(id, place)
  WHERE EXISTS (SELECT FROM projects p JOIN tasks t USING (project_id)
                WHERE p.id_namespace = ns AND t.task_id = id AND t.deleted_at IS NULL)
    OR EXISTS (SELECT FROM projects p JOIN tasks t USING (project_id)
               WHERE p.id_namespace = ns AND t.artifact_id = id AND t.deleted_at IS NULL)
  ORDER BY place LIMIT 1;
  IF not_held IS NOT NULL OR borne IS NOT NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;

  WITH own AS (
    SELECT r.reservation_id, r.numbers, r.reserved_at, r.expires_at, r.branch, r.task_id FROM id_reservations r
    WHERE r.namespace = ns AND r.artifact_type = type AND r.project_id = project AND r.confirmed_at IS NOT NULL
      AND r.numbers && unwanted
  ), whole AS (
    UPDATE id_reservations r SET confirmed_at = NULL, released_at = docket_now(), returned_at = docket_now()
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND own.numbers <@ unwanted
  ), part AS (
    UPDATE id_reservations r SET numbers = r.numbers - unwanted
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND NOT own.numbers <@ unwanted
  )
  INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, reserved_at, expires_at, released_at,
    returned_at, branch, task_id)
  SELECT ns, type, project, own.numbers * unwanted, own.reserved_at, own.expires_at, docket_now(), docket_now(),
    own.branch, own.task_id
  FROM own WHERE NOT own.numbers <@ unwanted;

  SELECT g.last_assigned_id INTO before FROM id_registry g WHERE g.namespace = ns AND g.artifact_type = type;
  SELECT coalesce(max(upper(r.numbers)) - 1, 0) INTO highest FROM id_reservations r
  WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL;
  IF highest < before THEN
    UPDATE id_registry g SET last_assigned_id = highest, released = g.released * int8multirange(int8range(1, highest + 1))
    WHERE g.namespace = ns AND g.artifact_type = type;
    -- Tasks of plain SQL live as well; numbers between them stay free.
    PERFORM adopt_task_numbers(ns, type, (SELECT range_agg(int8range(n, n + 1))
                                          FROM living_task_numbers(ns, type, highest) n WHERE n <= before));
  END IF;
  SELECT artifact_id(type, nullif(before, 0)), artifact_id(type, nullif(g.last_assigned_id, 0)) INTO was, stands
  FROM id_registry g WHERE g.namespace = ns AND g.artifact_type = type;
  RETURN NEXT;
END $$;

-- For a late confirmation of a reservation that this transaction has locked and whose numbers went back: takes these out
-- of the sequence again. False when somebody was given one of them since it expired, even if only to give it back, or
-- when a task of another project bears one.
-- The one case of a reservation's row locked before its sequence's: nobody who holds a sequence wants a returned row.
CREATE FUNCTION retake_numbers(ns text, type text, project text, wanted int8multirange, expired timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  reached bigint;
  free int8multirange;
  passed int8multirange;
BEGIN
  SELECT g.last_assigned_id, g.released INTO reached, free
  FROM id_registry g WHERE g.namespace = ns AND g.artifact_type = type FOR NO KEY UPDATE;
  -- Above the counter they lie when it came down meanwhile.
  passed := int8multirange(int8range(reached + 1, greatest(reached + 1, upper(wanted))));
  IF EXISTS (SELECT FROM id_reservations r
             WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL AND r.numbers && wanted)
    OR EXISTS (SELECT FROM projects p JOIN id_reservations r USING (project_id)
               WHERE p.id_namespace = ns AND r.namespace = ns AND r.artifact_type = type AND r.reserved_at >= expired
                 AND r.numbers && wanted)
    OR EXISTS (SELECT FROM task_numbers(ns, type, wanted) b WHERE b.project <> retake_numbers.project) THEN
    RETURN false;
  END IF;
  UPDATE id_registry g SET last_assigned_id = greatest(reached, upper(wanted) - 1), released = free + passed - wanted
  WHERE g.namespace = ns AND g.artifact_type = type;
  RETURN true;
END $$;
