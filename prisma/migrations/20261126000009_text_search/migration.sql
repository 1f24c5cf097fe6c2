-- Searching the texts of tasks without reading every task, and an end to what nobody needs any more.

-- What a search looks through. Beside the tasks: a claim, which changes a task but not its texts, leaves the index alone.
CREATE TABLE task_texts (
  project_id varchar(100) NOT NULL,
  task_id varchar(20) NOT NULL,
  text text NOT NULL,
  PRIMARY KEY (project_id, task_id),
  FOREIGN KEY (project_id, task_id) REFERENCES tasks ON DELETE CASCADE
);

CREATE FUNCTION task_text(t tasks) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT concat_ws(' ', t.task_id, t.title, t.description, t.context_notes, t.completion_notes, t.artifact_id)
$$;

CREATE FUNCTION add_task_texts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO task_texts (project_id, task_id, text)
  SELECT n.project_id, n.task_id, task_text(n::tasks) FROM new_tasks n;
  RETURN NULL;
END $$;
CREATE TRIGGER tasks_have_texts AFTER INSERT ON tasks REFERENCING NEW TABLE AS new_tasks
  FOR EACH STATEMENT EXECUTE FUNCTION add_task_texts();

CREATE FUNCTION change_task_text() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE task_texts SET text = task_text(NEW) WHERE project_id = NEW.project_id AND task_id = NEW.task_id;
  RETURN NULL;
END $$;
CREATE TRIGGER task_texts_follow AFTER UPDATE OF title, description, context_notes, completion_notes, artifact_id ON tasks
  FOR EACH ROW
  WHEN ((OLD.title, OLD.description, OLD.context_notes, OLD.completion_notes, OLD.artifact_id)
    IS DISTINCT FROM (NEW.title, NEW.description, NEW.context_notes, NEW.completion_notes, NEW.artifact_id))
  EXECUTE FUNCTION change_task_text();

INSERT INTO task_texts (project_id, task_id, text) SELECT t.project_id, t.task_id, task_text(t) FROM tasks t;
GRANT SELECT ON task_texts TO docket_app;

-- Trigrams make LIKE an index search. Where the owner may not create the extension, or the server lacks it, searches
-- read all texts instead; start-up says how to make the index then.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN OTHERS THEN
  RAISE NOTICE 'pg_trgm cannot be created: %', SQLERRM;
END $$;
DO $$
DECLARE
  extension_schema text := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                            WHERE e.extname = 'pg_trgm');
BEGIN
  IF extension_schema IS NOT NULL THEN
    EXECUTE format('CREATE INDEX idx_task_texts ON task_texts USING gin (text %I.gin_trgm_ops)', extension_schema);
  END IF;
END $$;

-- What has ended for good, found by when it ended.
CREATE INDEX idx_idempotency_created ON idempotency_keys (created_at);
CREATE INDEX idx_sessions_expired ON api_keys (expires_at) WHERE kind <> 'key';
CREATE INDEX idx_reservations_returned ON id_reservations (returned_at) WHERE returned_at IS NOT NULL;

-- Takes up to `most` of each kind away: answers to idempotency keys after 30 days, browser sessions and sign-in links
-- 30 days after they expired, and reservations 90 days after their numbers went back. Answers whether more is left.
CREATE FUNCTION prune_ended(most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  counts bigint[];
BEGIN
  WITH answers AS (
    DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
      SELECT i.ctid FROM idempotency_keys i WHERE i.created_at < docket_now() - interval '30 days'
      ORDER BY i.created_at LIMIT most FOR UPDATE SKIP LOCKED)) RETURNING 1
  ), sessions AS (
    DELETE FROM api_keys WHERE ctid = ANY (ARRAY(
      SELECT k.ctid FROM api_keys k WHERE k.kind <> 'key' AND k.expires_at < docket_now() - interval '30 days'
      ORDER BY k.expires_at LIMIT most FOR UPDATE SKIP LOCKED)) RETURNING 1
  ), reservations AS (
    DELETE FROM id_reservations WHERE ctid = ANY (ARRAY(
      SELECT r.ctid FROM id_reservations r WHERE r.returned_at < docket_now() - interval '90 days'
      ORDER BY r.returned_at LIMIT most FOR UPDATE SKIP LOCKED)) RETURNING 1
  )
  SELECT ARRAY[(SELECT count(*) FROM answers), (SELECT count(*) FROM sessions), (SELECT count(*) FROM reservations)]
  INTO counts;
  RETURN most = ANY (counts);
END $$;
REVOKE EXECUTE ON FUNCTION prune_ended(integer), add_task_texts(), change_task_text() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_ended(integer) TO docket_app;
