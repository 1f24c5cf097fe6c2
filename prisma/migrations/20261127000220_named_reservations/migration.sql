-- Events that make or change reservations beside their subject name them; those that name none are left out.
CREATE INDEX idx_events_reservations ON events USING gin ((payload -> 'reservationIds')) WITH (fastupdate = off)
  WHERE payload ? 'reservationIds';

-- Their answers have one more column, which servers of before do not ask for.
DROP FUNCTION record_numbers(text, text, text, int8multirange, bigint);
DROP FUNCTION record_numbers(text, text, text, int8multirange);
DROP FUNCTION void_numbers(text, text, text, int8multirange);

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

-- Takes confirmed numbers of a project back, all or none, and brings the counter down to the highest that lives: what
-- lies above it is free again, what lies below stays void.
-- `not_held`: the lowest that is not confirmed for the project; `borne`: the lowest that a living task of the namespace
-- bears, as its own ID or its artifact's. Nothing was voided then.
-- `was`, `stands`: the counter before and after.
-- `reservation_ids`: the reservations that the numbers left, and those made of them.
CREATE OR REPLACE FUNCTION void_numbers(ns text, type text, project text, unwanted int8multirange)
RETURNS TABLE (not_held text, borne text, was text, stands text, reservation_ids uuid[]) LANGUAGE plpgsql AS $$
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
  ), made AS (
    INSERT INTO id_reservations AS r (namespace, artifact_type, project_id, numbers, reserved_at, expires_at, released_at,
      returned_at, branch, task_id)
    SELECT ns, type, project, own.numbers * unwanted, own.reserved_at, own.expires_at, docket_now(), docket_now(),
      own.branch, own.task_id
    FROM own WHERE NOT own.numbers <@ unwanted
    RETURNING r.reservation_id
  )
  SELECT array_agg(u.reservation_id) INTO reservation_ids
  FROM (SELECT o.reservation_id FROM own o UNION ALL SELECT m.reservation_id FROM made m) u;

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

-- Gives numbers for good, the lowest there are, as the reservation of that ID. Null when they are exhausted.
CREATE OR REPLACE FUNCTION assign_numbers(ns text, type text, project text, how_many integer, reservation uuid) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  taken int8multirange;
BEGIN
  PERFORM hold_sequence(ns, type);
  taken := take_numbers(ns, type, how_many);
  IF taken IS NULL THEN
    RETURN NULL;
  END IF;
  INSERT INTO id_reservations (namespace, reservation_id, artifact_type, project_id, numbers, confirmed_at)
  VALUES (ns, reservation, type, project, taken, docket_now());
  RETURN artifact_ids(type, taken);
END $$;

-- As servers of before ask: they do not say which reservation it becomes.
CREATE OR REPLACE FUNCTION assign_numbers(ns text, type text, project text, how_many integer) RETURNS text[] LANGUAGE sql AS
  $$ SELECT assign_numbers(ns, type, project, how_many, gen_random_uuid()) $$;

-- Tasks written by plain SQL hold numbers that the registry does not know. Records those among the given ones as
-- confirmed for their projects, and the server tells so; numbers it passes stay free.
CREATE OR REPLACE FUNCTION adopt_task_numbers(ns text, type text, among int8multirange) RETURNS void LANGUAGE plpgsql AS $$
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
  WITH made AS (
    INSERT INTO id_reservations AS r (namespace, artifact_type, project_id, numbers, confirmed_at)
    SELECT ns, type, owner, numbers, docket_now() FROM unnest(owners, theirs) AS adoption(owner, numbers)
    RETURNING r.project_id, r.reservation_id, r.numbers
  )
  INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, client, correlation_id, payload)
  SELECT 'ids.registered', m.project_id, 'project', m.project_id, 'server', NULL, NULL,
    jsonb_build_object('ids', artifact_ids(type, m.numbers), 'reservationIds', jsonb_build_array(m.reservation_id))
  FROM made m ORDER BY m.project_id, m.numbers;
END $$;

-- A batch of reservations, and of IDs given at once (those without "ttlSeconds"), in one SERIALIZABLE transaction that
-- holds id_lane. One answer per request, in order: {result, replayed}, or {error, …} with what the message needs; one
-- that is refused leaves nothing and harms no other. `repeated`: the batch may have been given before, when its answer was
-- lost with its connection after the commit; what it was given then is found by the UUIDs and answered again.
-- All is judged, taken and written for the whole batch at once, sequence by sequence. Archiving a project holds the lane
-- as well, so what this snapshot shows of it is so.
CREATE OR REPLACE FUNCTION give_ids(requests jsonb, repeated boolean) RETURNS SETOF jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  now timestamptz := docket_now();
  answers jsonb[] := array_fill(NULL::jsonb, ARRAY[jsonb_array_length(requests)]);
  sequence record;
  taken record;
  given_to integer[] := '{}';
  given_in text[] := '{}';
  given_runs int8multirange[] := '{}';
  given_before bigint[] := '{}';
  written record;
  again record;
BEGIN
  FOR sequence IN
    WITH asked AS MATERIALIZED (
      SELECT q.place::integer, q.r, q.r ->> 'artifactType' AS type, k.key IS NOT NULL AS known, k.request_hash, k.result,
        row_number() OVER (PARTITION BY q.r ->> 'actor', q.r ->> 'key' ORDER BY q.place) AS nth
      FROM jsonb_array_elements(requests) WITH ORDINALITY AS q(r, place)
      LEFT JOIN idempotency_keys k ON k.actor = q.r ->> 'actor' AND k.key = q.r ->> 'key'
    ), spaces AS MATERIALIZED (
      SELECT p.project_id, p.id_namespace AS namespace, artifact_types(p.settings) AS types, p.archived_at
      FROM (SELECT DISTINCT a.r ->> 'projectId' AS project_id FROM asked a) named JOIN projects p USING (project_id)
    ), judged AS MATERIALIZED (
      SELECT a.place, s.namespace, a.type, (a.r ->> 'count')::integer AS how_many, CASE
        WHEN lost.answer IS NOT NULL THEN jsonb_build_object('replayed', false, 'result', lost.answer)
        WHEN a.request_hash = decode(a.r ->> 'requestHash', 'hex') THEN jsonb_build_object('replayed', true, 'result', a.result)
        WHEN a.known THEN jsonb_build_object('error', 'IDEMPOTENCY_KEY_REUSED')
        WHEN s.project_id IS NULL THEN jsonb_build_object('error', 'PROJECT_NOT_FOUND')
        WHEN s.archived_at IS NOT NULL THEN jsonb_build_object('error', 'PROJECT_ARCHIVED')
        WHEN NOT a.type = ANY (s.types) THEN jsonb_build_object('error', 'INVALID_ARTIFACT_TYPE', 'validTypes', s.types)
        WHEN a.r ->> 'taskId' IS NOT NULL AND NOT EXISTS (
          SELECT FROM tasks t WHERE t.project_id = a.r ->> 'projectId' AND t.task_id = a.r ->> 'taskId'
            AND t.deleted_at IS NULL) THEN jsonb_build_object('error', 'TASK_NOT_FOUND')
        END AS answer
      FROM asked a LEFT JOIN spaces s ON s.project_id = a.r ->> 'projectId'
      CROSS JOIN LATERAL (
        SELECT CASE WHEN repeated THEN answer_given((a.r ->> 'reservationId')::uuid) END AS answer OFFSET 0) lost
      -- A key that comes twice is judged again once the first has its answer.
      WHERE a.known OR a.r ->> 'key' IS NULL OR a.nth = 1
    )
    SELECT CASE WHEN j.answer IS NULL THEN j.namespace END AS namespace, CASE WHEN j.answer IS NULL THEN j.type END AS type,
      array_agg(j.place ORDER BY j.place) AS places, array_agg(j.how_many ORDER BY j.place) AS counts,
      array_agg(j.answer ORDER BY j.place) AS answers
    FROM judged j GROUP BY 1, 2 ORDER BY 1, 2
  LOOP
    IF sequence.namespace IS NULL THEN
      FOR i IN 1 .. cardinality(sequence.places) LOOP
        answers[sequence.places[i]] := sequence.answers[i];
      END LOOP;
      CONTINUE;
    END IF;
    PERFORM hold_sequence(sequence.namespace, sequence.type);
    taken := take_runs(sequence.namespace, sequence.type, sequence.counts);
    FOR i IN 1 .. cardinality(sequence.places) LOOP
      IF taken.runs[i] IS NULL THEN
        answers[sequence.places[i]] := jsonb_build_object('error', 'ID_SPACE_EXHAUSTED', 'namespace', sequence.namespace);
      ELSE
        given_to := given_to || sequence.places[i];
        given_in := given_in || sequence.namespace::text;
        given_runs := array_append(given_runs, taken.runs[i]);
        given_before := given_before || taken.before[i];
      END IF;
    END LOOP;
  END LOOP;

  IF cardinality(given_to) > 0 THEN
    FOR written IN
      WITH given AS MATERIALIZED (
        SELECT g.place, g.namespace, g.run, r, r ->> 'artifactType' AS type, (r ->> 'reservationId')::uuid AS reservation_id,
          now + make_interval(secs => (r ->> 'ttlSeconds')::integer) AS expires_at, r ->> 'ttlSeconds' IS NULL AS at_once,
          artifact_ids(r ->> 'artifactType', g.run) AS ids, artifact_id(r ->> 'artifactType', nullif(g.before, 0)) AS before
        FROM unnest(given_to, given_in, given_runs, given_before) AS g(place, namespace, run, before)
        CROSS JOIN LATERAL (SELECT requests -> g.place - 1 AS r) asked
      ), answered AS MATERIALIZED (
        SELECT g.place, CASE WHEN g.at_once THEN jsonb_build_object('id', g.ids[1], 'lastAssigned', g.before)
          ELSE jsonb_build_object('reservationId', g.reservation_id, 'reservedIds', g.ids) END AS result
        FROM given g
      ), made AS (
        INSERT INTO id_reservations (namespace, reservation_id, artifact_type, project_id, numbers, reserved_at, expires_at,
          confirmed_at, branch, task_id)
        SELECT g.namespace, g.reservation_id, g.type, g.r ->> 'projectId', g.run, now, g.expires_at,
          CASE WHEN g.at_once THEN now END, g.r ->> 'branch', g.r ->> 'taskId'
        FROM given g
      ), told AS (
        INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, actor, client, correlation_id,
          occurred_at, payload)
        SELECT CASE WHEN g.at_once THEN 'ids.assigned' ELSE 'ids.reserved' END, g.r ->> 'projectId',
          CASE WHEN g.at_once THEN 'artifact_id' ELSE 'reservation' END,
          CASE WHEN g.at_once THEN g.ids[1] ELSE g.reservation_id::text END,
          g.r ->> 'actor', g.r ->> 'client', g.r ->> 'correlationId', now,
          jsonb_build_object('artifactType', g.type, 'ids', g.ids, 'branchName', g.r -> 'branch',
            'branch', g.r -> 'branch', 'taskId', g.r -> 'taskId')
            || CASE WHEN g.at_once THEN jsonb_build_object('lastAssigned', g.before,
                   'reservationIds', jsonb_build_array(g.reservation_id))
                 ELSE jsonb_build_object('expiresAt', g.expires_at) END
        FROM given g ORDER BY g.place
      ), kept AS (
        -- DO NOTHING: where another operation just stored a key, a conflict is raised and the batch is run again.
        INSERT INTO idempotency_keys (actor, key, operation, request_hash, result, created_at)
        SELECT g.r ->> 'actor', g.r ->> 'key', g.r ->> 'operation', decode(g.r ->> 'requestHash', 'hex'), a.result, now
        FROM given g JOIN answered a USING (place) WHERE g.r ->> 'key' IS NOT NULL ON CONFLICT DO NOTHING
      )
      SELECT a.place, a.result FROM answered a
    LOOP
      answers[written.place] := jsonb_build_object('replayed', false, 'result', written.result);
    END LOOP;
  END IF;

  IF array_position(answers, NULL) IS NOT NULL THEN
    FOR again IN
      SELECT left_over.places[a.nth] AS place, a.answer
      FROM (SELECT array_agg(u.place ORDER BY u.place) AS places, jsonb_agg(requests -> u.place::integer - 1 ORDER BY u.place) AS asked
        FROM unnest(answers) WITH ORDINALITY AS u(answer, place) WHERE u.answer IS NULL) left_over
      CROSS JOIN LATERAL give_ids(left_over.asked, repeated) WITH ORDINALITY AS a(answer, nth)
    LOOP
      answers[again.place] := again.answer;
    END LOOP;
  END IF;
  RETURN QUERY SELECT unnest(answers);
END $$;

-- As servers of before ask: whether the batch is repeated they do not say.
CREATE OR REPLACE FUNCTION give_ids(requests jsonb) RETURNS SETOF jsonb LANGUAGE sql AS
  $$ SELECT give_ids(requests, true) $$;
