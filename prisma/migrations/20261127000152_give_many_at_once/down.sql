-- A batch of reservations, and of IDs given at once (those without "ttlSeconds"), in one SERIALIZABLE transaction that
-- holds id_lane. One answer per request, in order: {result, replayed}, or {error, …} with what the message needs; one
-- that is refused leaves nothing and harms no other. Generic plans, because each statement runs once per request.
-- Archiving a project holds the lane as well, so what this snapshot shows of it is so.
CREATE OR REPLACE FUNCTION give_ids(requests jsonb) RETURNS SETOF jsonb LANGUAGE plpgsql
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
    PERFORM act_as(q.actor, q.client, q.correlation_id);
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
    SELECT p.id_namespace AS namespace, artifact_types(p.settings) AS types, p.archived_at INTO project
    FROM projects p WHERE p.project_id = q.project_id;
    IF NOT FOUND THEN
      RETURN NEXT jsonb_build_object('error', 'PROJECT_NOT_FOUND');
      CONTINUE;
    END IF;
    IF project.archived_at IS NOT NULL THEN
      RETURN NEXT jsonb_build_object('error', 'PROJECT_ARCHIVED');
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
    INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload)
    SELECT CASE WHEN q.ttl IS NULL THEN 'ids.assigned' ELSE 'ids.reserved' END, q.project_id,
      CASE WHEN q.ttl IS NULL THEN 'artifact_id' ELSE 'reservation' END,
      CASE WHEN q.ttl IS NULL THEN ids[1] ELSE q.reservation_id::text END,
      jsonb_build_object('artifactType', q.type, 'ids', ids, 'branch', q.branch, 'taskId', q.task_id)
        || CASE WHEN q.ttl IS NULL THEN jsonb_build_object('lastAssigned', before)
             ELSE jsonb_build_object('expiresAt', made.expires_at) END;
    -- DO NOTHING: where another operation just stored this key, a conflict is raised and the batch is run again.
    INSERT INTO idempotency_keys (actor, key, operation, request_hash, result)
    SELECT q.actor, q.key, q.operation, q.request_hash, answer WHERE q.key IS NOT NULL ON CONFLICT DO NOTHING;
    RETURN NEXT jsonb_build_object('replayed', false, 'result', answer);
  END LOOP;
END $$;

DROP FUNCTION give_ids(jsonb, boolean);
DROP FUNCTION take_runs(text, text, integer[]);
DROP FUNCTION take_numbers(text, text, integer);
-- Takes numbers out of a held sequence: the lowest released run that fits, else the next ones; not in one piece, the
-- lowest there are. Null when the numbers are exhausted.
CREATE OR REPLACE FUNCTION take_numbers(ns text, type text, how_many integer, in_one_piece boolean) RETURNS int8multirange
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
CREATE OR REPLACE FUNCTION assign_numbers(ns text, type text, project text, how_many integer) RETURNS text[] LANGUAGE plpgsql AS $$
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
