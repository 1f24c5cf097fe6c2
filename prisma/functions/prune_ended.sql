-- Takes up to `most` of each kind away: answers to idempotency keys after 30 days, browser sessions and sign-in links
-- 30 days after they expired, and reservations 90 days after their numbers went back. Answers whether more is left.
-- Without scans: a plan that was made while a table was small would compare each of its rows with each of the list.
CREATE OR REPLACE FUNCTION prune_ended(most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
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

REVOKE EXECUTE ON FUNCTION prune_ended(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prune_ended(integer) TO docket_app;
