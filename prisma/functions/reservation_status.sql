CREATE OR REPLACE FUNCTION reservation_status(r id_reservations) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN r.confirmed_at IS NOT NULL THEN 'confirmed'
    WHEN r.released_at IS NOT NULL THEN 'released'
    WHEN r.expired_at IS NOT NULL OR r.expires_at <= docket_now() THEN 'expired'
    ELSE 'active'
  END
$$;
