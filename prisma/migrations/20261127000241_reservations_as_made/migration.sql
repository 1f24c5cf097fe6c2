-- A batch of reservations, and of IDs given at once (those without "ttlSeconds"), in one SERIALIZABLE transaction that
-- holds id_lane. One answer per request, in order: {result, replayed, made}, or {error, …} with what the message needs;
-- `made` is the rest of a reservation as it was made, which no key keeps, as it may change. One that is refused leaves
-- nothing and harms no other. `repeated`: the batch may have been given before, when its answer was
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
          ELSE jsonb_build_object('reservationId', g.reservation_id, 'reservedIds', g.ids) END AS result,
          CASE WHEN NOT g.at_once THEN jsonb_build_object('projectId', g.r -> 'projectId', 'namespace', g.namespace,
            'artifactType', g.type, 'reservedAt', now, 'expiresAt', g.expires_at, 'branch', g.r -> 'branch',
            'taskId', g.r -> 'taskId') END AS made
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
      SELECT a.place, a.result, a.made FROM answered a
    LOOP
      answers[written.place] := jsonb_build_object('replayed', false, 'result', written.result)
        || CASE WHEN written.made IS NULL THEN '{}' ELSE jsonb_build_object('made', written.made) END;
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

-- As servers of before ask: whether the batch is repeated they do not say, and what else was made they do not know.
CREATE OR REPLACE FUNCTION give_ids(requests jsonb) RETURNS SETOF jsonb LANGUAGE sql AS
  $$ SELECT a.answer - 'made' FROM give_ids(requests, true) WITH ORDINALITY AS a(answer, place) ORDER BY a.place $$;
