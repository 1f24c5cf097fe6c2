-- Time, projects, keys and idempotency: what everything else stands on.
-- The role docket_app exists before (src/db/migrate.ts): roles are cluster-wide, migrations are not.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Tests move time by one row here; it stays empty in production, and docket_app may not write it.
CREATE TABLE clock_offset (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  moved_by interval NOT NULL
);

-- The one clock. STABLE, so that an index can be searched with it; the statement's time, so that a transaction
-- that waited for a lock does not judge a lease by the moment it began to wait.
CREATE FUNCTION docket_now() RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN statement_timestamp() + coalesce((SELECT moved_by FROM clock_offset), interval '0');
END $$;

-- Where artifact numbers are unique. A project's own namespace bears its id and belongs to it alone.
CREATE TABLE namespaces (
  namespace varchar(100) PRIMARY KEY CHECK (namespace ~ '^[a-z0-9][a-z0-9-]{0,99}$'),
  shared boolean NOT NULL,
  reuse text NOT NULL DEFAULT 'immediately' CHECK (reuse IN ('immediately', 'after', 'never')),
  quarantine_seconds integer CHECK (quarantine_seconds > 0),
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  UNIQUE (namespace, shared),
  CHECK ((reuse = 'after') = (quarantine_seconds IS NOT NULL))
);

CREATE TABLE projects (
  project_id varchar(100) PRIMARY KEY CHECK (project_id ~ '^[a-z0-9][a-z0-9-]{0,99}$'),
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
  id_namespace varchar(100) NOT NULL,
  -- Derived, so that the foreign key below can refuse a project in another project's own namespace.
  namespace_shared boolean NOT NULL GENERATED ALWAYS AS (id_namespace <> project_id) STORED,
  settings jsonb NOT NULL DEFAULT '{}',
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  archived_at timestamptz,
  FOREIGN KEY (id_namespace, namespace_shared) REFERENCES namespaces (namespace, shared),
  CONSTRAINT chk_settings_object CHECK (jsonb_typeof(settings) = 'object'),
  CONSTRAINT chk_settings_lease CHECK (
    NOT settings ? 'leaseSeconds'
    OR (jsonb_typeof(settings -> 'leaseSeconds') = 'number' AND (settings ->> 'leaseSeconds')::numeric BETWEEN 1 AND 604800)
  ),
  CONSTRAINT chk_settings_artifact_types CHECK (
    NOT settings ? 'artifactTypes'
    OR (jsonb_typeof(settings -> 'artifactTypes') = 'array'
        AND NOT jsonb_path_exists(settings, '$.artifactTypes[*] ? (!(@ like_regex "^[A-Z]{2,10}$"))'))
  )
);
CREATE INDEX idx_projects_namespace ON projects (id_namespace);

-- How long a claim holds where nobody says otherwise.
CREATE FUNCTION project_lease(settings jsonb) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  $$ SELECT make_interval(secs => coalesce((settings ->> 'leaseSeconds')::double precision, 3600)) $$;

-- API keys; a browser session and a sign-in link are such rows too. Only the SHA-256 of a secret is kept.
CREATE TABLE api_keys (
  key_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  kind text NOT NULL DEFAULT 'key' CHECK (kind IN ('key', 'session', 'sign_in')),
  prefix text NOT NULL UNIQUE,
  hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
  role text NOT NULL CHECK (role IN ('reader', 'agent', 'admin')),
  project_ids text[] CHECK (cardinality(project_ids) > 0),
  -- Ending a key ends the sessions that were opened with it.
  issued_by uuid REFERENCES api_keys,
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  CHECK (kind = 'key' OR expires_at IS NOT NULL)
);
CREATE INDEX idx_api_keys_issued_by ON api_keys (issued_by) WHERE issued_by IS NOT NULL;

-- What a mutation answered: the verb's result (ids, attempt), by the actor and the key it gave.
CREATE TABLE idempotency_keys (
  actor text NOT NULL,
  key text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
  operation text NOT NULL,
  request_hash bytea NOT NULL,
  -- null only while the transaction that answers is under way
  result jsonb,
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  PRIMARY KEY (actor, key)
);

GRANT USAGE ON SCHEMA public TO docket_app;
GRANT SELECT ON clock_offset TO docket_app;
GRANT SELECT, INSERT, UPDATE ON namespaces, projects, api_keys TO docket_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO docket_app;
