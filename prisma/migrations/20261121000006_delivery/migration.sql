-- What carries the log outward: the places of its readers, and webhooks with their deliveries.

-- How far each sink has read the log. It lies beside the log, so a restore takes both back together.
CREATE TABLE log_readers (
  reader text PRIMARY KEY CHECK (char_length(reader) BETWEEN 1 AND 200),
  -- The last event taken, and the first bytes of its hash: zeros before the first event.
  position bigint NOT NULL CHECK (position >= 0),
  hash bytea NOT NULL CHECK (octet_length(hash) = 8),
  moved_at timestamptz NOT NULL DEFAULT docket_now()
);

CREATE TABLE webhooks (
  webhook_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  url text NOT NULL CONSTRAINT chk_webhook_url CHECK (url ~ '^https?://[^/]' AND char_length(url) <= 2000),
  -- null: every project, those yet to come and the server's own events too
  project_ids text[] CHECK (cardinality(project_ids) BETWEEN 1 AND 1000),
  -- null: every type
  event_types text[] CHECK (cardinality(event_types) BETWEEN 1 AND 1000),
  -- Plain, because it signs. For a while after a rotation both sign, so that no consumer misses the change.
  secret text NOT NULL CHECK (secret ~ '^whsec_[A-Za-z0-9+/=]{32,}$'),
  previous_secret text CHECK (previous_secret ~ '^whsec_[A-Za-z0-9+/=]{32,}$'),
  previous_secret_until timestamptz,
  paused_at timestamptz,
  -- Why it paused by itself; null when a person did it
  pause_reason text CHECK (char_length(pause_reason) <= 500),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  CONSTRAINT chk_webhook_previous_secret CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL)),
  CONSTRAINT chk_webhook_pause_reason CHECK (pause_reason IS NULL OR paused_at IS NOT NULL)
);

-- One event on its way to one webhook. Put here in the order of the log; of one subject only the oldest pending is sent.
CREATE TABLE webhook_deliveries (
  webhook_id uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
  -- of the event in the log
  position bigint NOT NULL,
  event_id uuid NOT NULL,
  event_type text NOT NULL,
  project_id text NOT NULL,
  subject_type text NOT NULL,
  subject_id text NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead')),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  -- While an attempt is under way this is when it counts as lost.
  next_attempt_at timestamptz,
  queued_at timestamptz NOT NULL DEFAULT docket_now(),
  ended_at timestamptz,
  PRIMARY KEY (webhook_id, position),
  UNIQUE (webhook_id, event_id),
  CONSTRAINT chk_delivery_status CHECK (
    (status = 'pending') = (next_attempt_at IS NOT NULL) AND (status = 'pending') = (ended_at IS NULL))
);
CREATE INDEX idx_webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE status = 'pending';
CREATE INDEX idx_webhook_deliveries_order ON webhook_deliveries (webhook_id, project_id, subject_type, subject_id, position)
  WHERE status = 'pending';
CREATE INDEX idx_webhook_deliveries_status ON webhook_deliveries (webhook_id, status, position);
CREATE INDEX idx_webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE status <> 'pending';

-- The delivery log: what came of each attempt.
CREATE TABLE webhook_attempts (
  webhook_id uuid NOT NULL,
  position bigint NOT NULL,
  attempt integer NOT NULL CHECK (attempt >= 1),
  started_at timestamptz NOT NULL,
  duration_ms integer NOT NULL CHECK (duration_ms >= 0),
  status_code integer,
  error text CHECK (char_length(error) <= 500),
  -- The beginning of the answer's body
  response text CHECK (char_length(response) <= 1000),
  PRIMARY KEY (webhook_id, position, attempt),
  FOREIGN KEY (webhook_id, position) REFERENCES webhook_deliveries ON DELETE CASCADE
);

GRANT SELECT, INSERT, UPDATE, DELETE ON log_readers, webhooks, webhook_deliveries TO docket_app;
GRANT SELECT, INSERT ON webhook_attempts TO docket_app;
