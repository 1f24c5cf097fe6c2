-- Whether a project hands out no work now as its budget is spent: that ends with the period, also before anybody has told.
CREATE OR REPLACE FUNCTION is_spent(spent_until timestamptz) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT spent_until IS NOT NULL AND spent_until > docket_now() $$;
