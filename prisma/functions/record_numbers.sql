-- Records numbers that exist already: all or none. Those that lie in an unconfirmed reservation of this project leave
-- it for a confirmed row, and it keeps in mind that they were its own; when nothing would be left, the reservation itself
-- becomes confirmed.
-- `taken`: the lowest that another project holds, or bears on a task that plain SQL wrote; nothing was recorded then.
-- `already`: confirmed before for this one.
-- `confirmed`: [{reservationId, ids, changes}] for each reservation that this confirmed a part of.
-- `made`: {reservationId, ids} of the confirmed row that holds those which are in no reservation's own row now; null if none.
CREATE OR REPLACE FUNCTION record_numbers(ns text, type text, project text, wanted int8multirange)
RETURNS TABLE (taken text, already text[], confirmed jsonb, made jsonb) LANGUAGE plpgsql AS $$
DECLARE
  foreigners int8multirange;
  own_before int8multirange;
  kept int8multirange;
  whole int8multirange;
BEGIN
  PERFORM hold_sequence(ns, type);
  -- Held before they are judged: a reservation may be confirmed or released at this moment.
  PERFORM FROM id_reservations r
  WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL AND r.confirmed_at IS NULL
    AND r.numbers && wanted ORDER BY r.reservation_id FOR NO KEY UPDATE;
  SELECT coalesce(range_agg(r.numbers) FILTER (WHERE r.project_id <> project), '{}'),
    coalesce(range_agg(r.numbers) FILTER (WHERE r.project_id = project), '{}'),
    wanted * range_agg(r.numbers) FILTER (WHERE r.project_id = project AND r.confirmed_at IS NOT NULL)
  INTO foreigners, own_before, kept
  FROM id_reservations r
  WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL AND r.numbers && wanted;
  foreigners := wanted * foreigners + coalesce((SELECT range_agg(int8range(b.number, b.number + 1))
    FROM task_numbers(ns, type, wanted - own_before) b WHERE b.project <> record_numbers.project), '{}');
  IF NOT isempty(foreigners) THEN
    RETURN QUERY SELECT artifact_id(type, lower(foreigners)), NULL::text[], NULL::jsonb, NULL::jsonb;
    RETURN;
  END IF;
  already := artifact_ids(type, coalesce(kept, '{}'));
  wanted := wanted - coalesce(kept, '{}');

  WITH own AS (
    SELECT r.reservation_id, r.numbers, reservation_document(r) AS document FROM id_reservations r
    WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL AND r.confirmed_at IS NULL
      AND r.numbers && wanted
  ), used_up AS (
    UPDATE id_reservations r SET confirmed_at = docket_now(), released_at = NULL, expired_at = NULL
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND own.numbers <@ wanted
    RETURNING r.reservation_id, r.numbers, reservation_document(r) AS document
  ), carved AS (
    UPDATE id_reservations r SET numbers = r.numbers - wanted, recorded = r.recorded + r.numbers * wanted
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND NOT own.numbers <@ wanted
    RETURNING r.reservation_id, reservation_document(r) AS document
  ), changed AS (
    SELECT u.reservation_id, u.document FROM used_up u UNION ALL SELECT c.reservation_id, c.document FROM carved c
  )
  SELECT coalesce((SELECT range_agg(u.numbers) FROM used_up u), '{}'),
    coalesce(jsonb_agg(jsonb_build_object('reservationId', own.reservation_id, 'ids', artifact_ids(type, own.numbers * wanted),
      'changes', changes_between(own.document, changed.document))), '[]')
  INTO whole, confirmed FROM own JOIN changed USING (reservation_id);

  UPDATE id_registry r SET released = r.released - wanted, last_assigned_id = greatest(r.last_assigned_id, upper(wanted) - 1)
  WHERE r.namespace = ns AND r.artifact_type = type AND NOT isempty(wanted);
  INSERT INTO id_reservations AS r (namespace, artifact_type, project_id, numbers, confirmed_at)
  SELECT ns, type, project, wanted - whole, docket_now() WHERE NOT isempty(wanted - whole)
  RETURNING jsonb_build_object('reservationId', r.reservation_id, 'ids', artifact_ids(type, r.numbers)) INTO made;
  RETURN NEXT;
END $$;

-- As before, but not when the highest number lies more than `jump_limit` above the highest that lives: then nothing is
-- recorded, and `jumps_from` is that highest one, 0 if there is none. Without a limit everything may be recorded.
CREATE OR REPLACE FUNCTION record_numbers(ns text, type text, project text, wanted int8multirange, jump_limit bigint)
RETURNS TABLE (taken text, already text[], confirmed jsonb, jumps_from integer, made jsonb) LANGUAGE plpgsql AS $$
DECLARE
  highest bigint;
BEGIN
  PERFORM hold_sequence(ns, type);
  SELECT g.last_assigned_id INTO highest FROM id_registry g WHERE g.namespace = ns AND g.artifact_type = type;
  IF upper(wanted) - 1 - highest > jump_limit THEN
    highest := coalesce((SELECT max(n) FROM living_task_numbers(ns, type, highest) n), highest);
  END IF;
  IF upper(wanted) - 1 - highest > jump_limit THEN
    RETURN QUERY SELECT NULL::text, NULL::text[], NULL::jsonb, highest::integer, NULL::jsonb;
  ELSE
    RETURN QUERY SELECT r.taken, r.already, r.confirmed, NULL::integer, r.made
      FROM record_numbers(ns, type, project, wanted) r;
  END IF;
END $$;
