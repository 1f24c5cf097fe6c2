-- How numbers are given, come back and are recorded. Callers hold id_lane (the migration before says how).

-- Marks what has expired (one event each) and returns the numbers of ended reservations to the registry, oldest first.
-- The caller holds the sequence's row; who confirms, extends or releases holds only the reservation's, so each update
-- says again what it depends on. Bounded, so that a backlog cannot outlast the statement's time limit.
CREATE FUNCTION return_numbers(ns text, type text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  -- Asked once; in a condition they would be asked for every row.
  now timestamptz := docket_now();
  horizon timestamptz := reuse_horizon(ns);
  came_back int8multirange;
BEGIN
  WITH expired AS (
    UPDATE id_reservations SET expired_at = now
    WHERE namespace = ns AND confirmed_at IS NULL AND released_at IS NULL AND expired_at IS NULL AND expires_at <= now
      AND reservation_id IN (
      SELECT r.reservation_id FROM id_reservations r
      WHERE r.namespace = ns AND r.artifact_type = type AND r.confirmed_at IS NULL AND r.released_at IS NULL
        AND r.expired_at IS NULL AND r.expires_at <= now
      ORDER BY r.expires_at LIMIT 500)
    RETURNING project_id, reservation_id, numbers, expires_at, branch, task_id
  )
  INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, payload)
  SELECT 'ids.expired', e.project_id, 'reservation', e.reservation_id, 'docket', jsonb_build_object('artifactType', type,
    'ids', artifact_ids(type, e.numbers), 'expiresAt', e.expires_at, 'branch', e.branch, 'taskId', e.task_id)
  FROM expired e ORDER BY e.expires_at, e.reservation_id;

  WITH back AS (
    UPDATE id_reservations SET returned_at = now
    WHERE namespace = ns AND (released_at IS NOT NULL OR expired_at IS NOT NULL) AND reservation_id IN (
      SELECT r.reservation_id FROM id_reservations r
      WHERE r.namespace = ns AND r.artifact_type = type AND r.confirmed_at IS NULL AND r.returned_at IS NULL
        AND coalesce(r.released_at, r.expires_at) <= horizon
      ORDER BY coalesce(r.released_at, r.expires_at) LIMIT 500)
    RETURNING numbers
  )
  SELECT range_agg(numbers) INTO came_back FROM back;
  IF came_back IS NOT NULL THEN
    UPDATE id_registry SET released = released + came_back WHERE namespace = ns AND artifact_type = type;
  END IF;
END $$;

-- Locks a sequence's row, made when missing, and brings it up to now.
CREATE FUNCTION hold_sequence(ns text, type text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- NO KEY: who splits a reservation refers to this row, and must not wait for it.
  PERFORM FROM id_registry WHERE namespace = ns AND artifact_type = type FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO id_registry (namespace, artifact_type) VALUES (ns, type) ON CONFLICT DO NOTHING;
    PERFORM FROM id_registry WHERE namespace = ns AND artifact_type = type FOR NO KEY UPDATE;
  END IF;
  PERFORM return_numbers(ns, type);
END $$;

-- The numbers among these that tasks of the namespace bear, whoever wrote them. Of two projects with one number the
-- first by name counts.
CREATE FUNCTION task_numbers(ns text, type text, among int8multirange) RETURNS TABLE (number bigint, project text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  ids text[] := artifact_ids(type, among);
BEGIN
  -- Joined: the index is searched for a few IDs, however many tasks there are, and = ANY could compare each with each.
  RETURN QUERY SELECT substring(t.task_id FROM length(type) + 2)::bigint, min(p.project_id)::text
  FROM unnest(ids) id JOIN tasks t ON t.task_id = id JOIN projects p ON p.project_id = t.project_id AND p.id_namespace = ns
  GROUP BY t.task_id;
END $$;

-- Tasks written by plain SQL hold numbers that the registry does not know. Records those among the given ones as
-- confirmed for their projects; numbers it passes stay free.
CREATE FUNCTION adopt_task_numbers(ns text, type text, among int8multirange) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  free int8multirange;
  reached bigint;
  owners text[];
  theirs int8multirange[];
  adopted int8multirange;
BEGIN
  SELECT released * among + int8multirange(int8range(last_assigned_id + 1, 2147483648)) * among, last_assigned_id
  INTO free, reached FROM id_registry WHERE namespace = ns AND artifact_type = type;
  -- In rows of a thousand numbers at most, because the exclusion constraint reads rows whole.
  SELECT array_agg(project), array_agg(numbers), range_agg(numbers) INTO owners, theirs, adopted FROM (
    SELECT project, range_agg(int8range(number, number + 1)) AS numbers
    FROM task_numbers(ns, type, free) GROUP BY project, number / 1000) found;
  IF adopted IS NULL THEN
    RETURN;
  END IF;
  reached := greatest(reached, upper(adopted) - 1);
  UPDATE id_registry SET last_assigned_id = reached,
    released = released + int8multirange(int8range(last_assigned_id + 1, reached + 1)) - adopted
  WHERE namespace = ns AND artifact_type = type;
  INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, confirmed_at)
  SELECT ns, type, owner, numbers, docket_now() FROM unnest(owners, theirs) AS adoption(owner, numbers);
END $$;

-- Takes numbers out of a held sequence: the lowest released run that fits, else the next ones; not in one piece, the
-- lowest there are. Null when the numbers are exhausted.
CREATE FUNCTION take_numbers(ns text, type text, how_many integer, in_one_piece boolean) RETURNS int8multirange
LANGUAGE plpgsql AS $$
DECLARE
  free int8multirange;
  reached bigint;
  taken int8multirange;
  fresh integer;
  ahead bigint := 1000;
BEGIN
  LOOP
    SELECT last_assigned_id, released INTO reached, free
    FROM id_registry WHERE namespace = ns AND artifact_type = type;
    IF in_one_piece THEN
      SELECT int8multirange(int8range(lower(run), lower(run) + how_many)) INTO taken
      FROM unnest(free) run WHERE upper(run) - lower(run) >= how_many ORDER BY run LIMIT 1;
    ELSE
      SELECT range_agg(int8range(n, n + 1)) INTO taken FROM (
        SELECT n FROM unnest(free) run, generate_series(lower(run), least(upper(run), lower(run) + how_many) - 1) n
        ORDER BY n LIMIT how_many) lowest;
    END IF;
    taken := coalesce(taken, '{}');
    fresh := how_many - (SELECT coalesce(sum(upper(run) - lower(run)), 0) FROM unnest(taken) run);
    IF reached + fresh > 2147483647 THEN
      RETURN NULL;
    END IF;
    taken := taken + int8multirange(int8range(reached + 1, reached + 1 + fresh));
    IF NOT EXISTS (SELECT FROM task_numbers(ns, type, taken)) THEN
      UPDATE id_registry SET last_assigned_id = reached + fresh, released = free - taken
      WHERE namespace = ns AND artifact_type = type;
      RETURN taken;
    END IF;
    -- Twice as far ahead in each round, so that a table full of such tasks takes few.
    PERFORM adopt_task_numbers(ns, type, taken + (
      SELECT range_agg(int8range(lower(run), lower(run) + ahead)) FROM unnest(taken) run));
    ahead := ahead * 2;
  END LOOP;
END $$;

-- Gives numbers for good, the lowest there are. Null when they are exhausted.
CREATE FUNCTION assign_numbers(ns text, type text, project text, how_many integer) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  taken int8multirange;
BEGIN
  PERFORM hold_sequence(ns, type);
  taken := take_numbers(ns, type, how_many, false);
  IF taken IS NULL THEN
    RETURN NULL;
  END IF;
  INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, confirmed_at)
  VALUES (ns, type, project, taken, docket_now());
  RETURN artifact_ids(type, taken);
END $$;

-- Records numbers that exist already: all or none. Those that lie in an unconfirmed reservation of this project leave
-- it for a confirmed row; when nothing would be left, the reservation itself becomes confirmed.
-- `taken`: the lowest that another project holds, or bears on a task that plain SQL wrote; nothing was recorded then.
-- `already`: confirmed before for this one.
-- `confirmed`: [{reservationId, ids}] for each reservation that this confirmed a part of.
CREATE FUNCTION record_numbers(ns text, type text, project text, wanted int8multirange)
RETURNS TABLE (taken text, already text[], confirmed jsonb) LANGUAGE plpgsql AS $$
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
    RETURN QUERY SELECT artifact_id(type, lower(foreigners)), NULL::text[], NULL::jsonb;
    RETURN;
  END IF;
  already := artifact_ids(type, coalesce(kept, '{}'));
  wanted := wanted - coalesce(kept, '{}');

  WITH own AS (
    SELECT r.reservation_id, r.numbers FROM id_reservations r
    WHERE r.namespace = ns AND r.artifact_type = type AND r.returned_at IS NULL AND r.confirmed_at IS NULL
      AND r.numbers && wanted
  ), used_up AS (
    UPDATE id_reservations r SET confirmed_at = docket_now(), released_at = NULL, expired_at = NULL
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND own.numbers <@ wanted
    RETURNING r.numbers
  ), carved AS (
    UPDATE id_reservations r SET numbers = r.numbers - wanted
    FROM own WHERE r.namespace = ns AND r.reservation_id = own.reservation_id AND NOT own.numbers <@ wanted
  )
  SELECT coalesce((SELECT range_agg(u.numbers) FROM used_up u), '{}'),
    coalesce(jsonb_agg(jsonb_build_object('reservationId', own.reservation_id, 'ids', artifact_ids(type, own.numbers * wanted))), '[]')
  INTO whole, confirmed FROM own;

  UPDATE id_registry r SET released = r.released - wanted, last_assigned_id = greatest(r.last_assigned_id, upper(wanted) - 1)
  WHERE r.namespace = ns AND r.artifact_type = type AND NOT isempty(wanted);
  INSERT INTO id_reservations (namespace, artifact_type, project_id, numbers, confirmed_at)
  SELECT ns, type, project, wanted - whole, docket_now() WHERE NOT isempty(wanted - whole);
  RETURN NEXT;
END $$;

-- The answer that was lost with its connection, after the batch committed: the process asks again with the same UUID.
-- What was the last ID before one was assigned is in its event, in the inbox or the log.
CREATE FUNCTION answer_given(reservation uuid) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
  made id_reservations;
  id text;
BEGIN
  SELECT * INTO made FROM id_reservations r WHERE r.reservation_id = reservation;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  IF made.expires_at IS NOT NULL THEN
    RETURN jsonb_build_object('reservationId', reservation, 'reservedIds', artifact_ids(made.artifact_type, made.numbers));
  END IF;
  id := artifact_id(made.artifact_type, lower(made.numbers));
  RETURN jsonb_build_object('id', id, 'lastAssigned', (
    SELECT e.payload -> 'lastAssigned' FROM (
      SELECT i.project_id, i.subject_id, i.event_type, i.payload FROM event_inbox i
      UNION ALL SELECT l.project_id, l.subject_id, l.event_type, l.payload FROM events l) e
    WHERE e.project_id = made.project_id AND e.subject_id = id AND e.event_type = 'ids.assigned' LIMIT 1));
END $$;

-- A batch of reservations, and of IDs given at once (those without "ttlSeconds"), in one SERIALIZABLE transaction that
-- holds id_lane. One answer per request, in order: {result, replayed}, or {error, …} with what the message needs; one
-- that is refused leaves nothing and harms no other. Generic plans, because each statement runs once per request.
CREATE FUNCTION give_ids(requests jsonb) RETURNS SETOF jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  q record;
  known record;
  project record;
  made id_reservations;
  ids text[];
  before text;
  answer jsonb;
  brought_up text[] := '{}';
BEGIN
  FOR q IN
    SELECT r.operation, r."reservationId" AS reservation_id, r."projectId" AS project_id, r."artifactType" AS type, r.count,
      make_interval(secs => r."ttlSeconds") AS ttl, r.branch, r."taskId" AS task_id, r.actor, r.client,
      r."correlationId" AS correlation_id, r.key, decode(r."requestHash", 'hex') AS request_hash
    FROM jsonb_to_recordset(requests) AS r(operation text, "reservationId" uuid, "projectId" text, "artifactType" text,
      count integer, "ttlSeconds" integer, branch text, "taskId" text, actor text, client text, "correlationId" text,
      key text, "requestHash" text)
  LOOP
    answer := answer_given(q.reservation_id);
    IF answer IS NOT NULL THEN
      RETURN NEXT jsonb_build_object('replayed', false, 'result', answer);
      CONTINUE;
    END IF;
    SELECT k.request_hash, k.result INTO known FROM idempotency_keys k WHERE k.actor = q.actor AND k.key = q.key;
    IF FOUND THEN
      RETURN NEXT CASE WHEN known.request_hash = q.request_hash
        THEN jsonb_build_object('replayed', true, 'result', known.result)
        ELSE jsonb_build_object('error', 'IDEMPOTENCY_KEY_REUSED') END;
      CONTINUE;
    END IF;
    SELECT p.id_namespace AS namespace, artifact_types(p.settings) AS types INTO project
    FROM projects p WHERE p.project_id = q.project_id;
    IF NOT FOUND THEN
      RETURN NEXT jsonb_build_object('error', 'PROJECT_NOT_FOUND');
      CONTINUE;
    END IF;
    IF NOT q.type = ANY (project.types) THEN
      RETURN NEXT jsonb_build_object('error', 'INVALID_ARTIFACT_TYPE', 'validTypes', project.types);
      CONTINUE;
    END IF;
    IF q.task_id IS NOT NULL AND NOT EXISTS (SELECT FROM tasks t WHERE t.project_id = q.project_id AND t.task_id = q.task_id
                                             AND t.deleted_at IS NULL) THEN
      RETURN NEXT jsonb_build_object('error', 'TASK_NOT_FOUND');
      CONTINUE;
    END IF;
    IF NOT format('%s %s', project.namespace, q.type) = ANY (brought_up) THEN
      PERFORM hold_sequence(project.namespace, q.type);
      brought_up := brought_up || format('%s %s', project.namespace, q.type);
    END IF;
    SELECT artifact_id(q.type, nullif(r.last_assigned_id, 0)) INTO before
    FROM id_registry r WHERE r.namespace = project.namespace AND r.artifact_type = q.type;
    made.numbers := take_numbers(project.namespace, q.type, q.count, true);
    IF made.numbers IS NULL THEN
      RETURN NEXT jsonb_build_object('error', 'ID_SPACE_EXHAUSTED', 'namespace', project.namespace);
      CONTINUE;
    END IF;
    ids := artifact_ids(q.type, made.numbers);
    INSERT INTO id_reservations (namespace, reservation_id, artifact_type, project_id, numbers, expires_at, confirmed_at,
      branch, task_id)
    VALUES (project.namespace, q.reservation_id, q.type, q.project_id, made.numbers, docket_now() + q.ttl,
      CASE WHEN q.ttl IS NULL THEN docket_now() END, q.branch, q.task_id)
    RETURNING expires_at INTO made.expires_at;
    answer := CASE WHEN q.ttl IS NULL THEN jsonb_build_object('id', ids[1], 'lastAssigned', before)
      ELSE jsonb_build_object('reservationId', q.reservation_id, 'reservedIds', ids) END;
    INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, client, correlation_id, payload)
    SELECT CASE WHEN q.ttl IS NULL THEN 'ids.assigned' ELSE 'ids.reserved' END, q.project_id,
      CASE WHEN q.ttl IS NULL THEN 'artifact_id' ELSE 'reservation' END,
      CASE WHEN q.ttl IS NULL THEN ids[1] ELSE q.reservation_id::text END, q.actor, q.client, q.correlation_id,
      jsonb_build_object('artifactType', q.type, 'ids', ids, 'branch', q.branch, 'taskId', q.task_id)
        || CASE WHEN q.ttl IS NULL THEN jsonb_build_object('lastAssigned', before)
             ELSE jsonb_build_object('expiresAt', made.expires_at) END;
    -- DO NOTHING: where another operation just stored this key, a conflict is raised and the batch is run again.
    INSERT INTO idempotency_keys (actor, key, operation, request_hash, result)
    SELECT q.actor, q.key, q.operation, q.request_hash, answer WHERE q.key IS NOT NULL ON CONFLICT DO NOTHING;
    RETURN NEXT jsonb_build_object('replayed', false, 'result', answer);
  END LOOP;
END $$;
