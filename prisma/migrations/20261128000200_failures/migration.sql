-- An attempt that its worker gives up as failed. Every list of what failed counts it beside those that expired; servers of
-- before ask for the latter alone, and are served by the same index.
ALTER TABLE task_attempts
  DROP CONSTRAINT task_attempts_outcome_check,
  ADD CONSTRAINT task_attempts_outcome_check
    CHECK (outcome IN ('completed', 'released', 'failed', 'expired', 'cancelled', 'reset', 'superseded'));
DROP INDEX idx_attempts_failed;
CREATE INDEX idx_attempts_failed ON task_attempts (project_id, task_id, ended_at) WHERE outcome IN ('expired', 'failed');

-- What waits for its time, in every project: each is told of when its time has come.
CREATE INDEX idx_tasks_ready_at ON tasks (ready_at)
  WHERE status = 'pending' AND unblocked AND ready_at IS NOT NULL;

-- When a task may be claimed again after so many of its attempts failed in a row, the last of them at `since`: at once
-- after the first, then after the project's retrySeconds, twice as long each time and an hour at most; never
-- ('infinity') once they are its maxAttempts.
CREATE OR REPLACE FUNCTION retry_at(failures integer, since timestamptz, settings jsonb) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN failures >= coalesce((settings ->> 'maxAttempts')::integer, 5) THEN 'infinity'
    WHEN failures < 2 THEN since
    ELSE since + make_interval(secs =>
      least(3600, coalesce((settings ->> 'retrySeconds')::double precision, 15) * 2 ^ least(failures - 2, 12)))
  END
$$;

-- What the end of an attempt makes of a task that is not completed by it, whoever ends it: the one rule of `failures`, those
-- in a row. A completion forgets them all.
-- One that is reset, or given back with a checkpoint, begins the row anew. One that expired or failed, or was
-- given back without a checkpoint, counts; one that ended with its session does only if it lived less than a minute. None
-- of the others does: superseded and cancelled ones, those at a project or a session, and what plain SQL held without one.
-- The task waits as `retry_at` says, or as long as the worker asks, if that is longer. What is parked stays so.
-- It reads the attempt as it is while it is open: a statement that ends it may call this as well as one before.
CREATE OR REPLACE FUNCTION after_attempt(task tasks, outcome text, checkpoint jsonb DEFAULT NULL, notes text DEFAULT NULL,
  session_ended boolean DEFAULT false, retry_seconds integer DEFAULT NULL)
RETURNS TABLE (failures integer, ready_at timestamptz, parked_at timestamptz, parked_reason text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  ended record;
  since timestamptz := docket_now();
BEGIN
  failures := task.failures;
  ready_at := since + make_interval(secs => retry_seconds);
  parked_at := task.parked_at;
  parked_reason := task.parked_reason;
  SELECT a.claimed_at, coalesce(after_attempt.checkpoint, a.checkpoint) IS NOT NULL AS handed_over, p.settings INTO ended
  FROM task_attempts a JOIN projects p ON p.project_id = a.project_id
  WHERE a.project_id = task.project_id AND a.task_id = task.task_id AND a.ended_at IS NULL;
  IF outcome = 'reset' OR (outcome = 'released' AND ended.handed_over) THEN
    failures := 0;
  ELSIF FOUND AND task.kind IN ('task', 'research') AND (outcome IN ('expired', 'failed')
      OR (outcome = 'released' AND NOT (session_ended AND ended.claimed_at <= since - interval '1 minute'))) THEN
    failures := failures + 1;
    IF outcome = 'expired' THEN
      -- It ended then, and not when somebody noticed.
      since := task.lease_expires_at;
    END IF;
    ready_at := greatest(ready_at, retry_at(failures, since, ended.settings));
    IF ready_at = 'infinity' THEN
      ready_at := NULL;
      parked_reason := CASE WHEN parked_at IS NULL THEN format('%s failed in a row; %s',
        CASE failures WHEN 1 THEN '1 attempt' ELSE failures || ' attempts' END,
        CASE outcome WHEN 'expired' THEN 'the lease of the last one ran out'
          WHEN 'released' THEN 'the last one was given back without a checkpoint' ELSE 'the last one gave up' END)
        || coalesce(': ' || left(nullif(btrim(notes), ''), 500), '') ELSE parked_reason END;
      parked_at := coalesce(parked_at, docket_now());
    END IF;
  END IF;
  -- A time that has come lets nothing wait.
  ready_at := CASE WHEN ready_at > docket_now() THEN ready_at END;
  RETURN NEXT;
END $$;
