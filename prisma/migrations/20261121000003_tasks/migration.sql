-- Tasks and their attempts. The seeds' columns keep their names, and a plain INSERT of those alone works.

CREATE TABLE tasks (
  project_id varchar(100) NOT NULL REFERENCES projects,
  task_id varchar(20) NOT NULL CHECK (task_id ~ '^[A-Z]{2,10}-[0-9]{3,}$'),
  queue_position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  title text CHECK (char_length(title) BETWEEN 1 AND 200),
  description text NOT NULL CHECK (char_length(description) BETWEEN 1 AND 100000),
  kind text NOT NULL DEFAULT 'task' CHECK (kind IN ('task', 'project', 'session', 'research')),
  generator_name varchar(50),
  status varchar(20) NOT NULL DEFAULT 'pending'
    CONSTRAINT chk_tasks_status CHECK (status IN ('pending', 'in_progress', 'completed')),
  priority smallint NOT NULL DEFAULT 2 CHECK (priority BETWEEN 0 AND 4),
  labels text[] NOT NULL DEFAULT '{}' CHECK (array_position(labels, NULL) IS NULL),
  inputs jsonb CHECK (jsonb_typeof(inputs) = 'array'),
  expected_outputs jsonb CHECK (jsonb_typeof(expected_outputs) = 'array'),
  context_notes text,
  completion_notes text,
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  artifact_id varchar(21) CHECK (artifact_id ~ '^[A-Z]{2,10}-[0-9]{3,10}$'),
  artifact_type varchar(10) CHECK (artifact_type ~ '^[A-Z]{2,10}$'),
  branch_name text,
  commit_hash text CHECK (commit_hash ~ '^[0-9a-f]{7,64}$'),
  pr_number integer CHECK (pr_number >= 1),
  due_date timestamptz,
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  updated_at timestamptz NOT NULL DEFAULT docket_now(),
  started_at timestamptz,
  completed_at timestamptz,
  claimed_by text,
  lease_expires_at timestamptz,
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  created_by text,
  version integer NOT NULL DEFAULT 1,
  deleted_at timestamptz,
  archived_at timestamptz,
  PRIMARY KEY (project_id, task_id),
  CONSTRAINT chk_lease_while_in_progress CHECK ((status = 'in_progress') = (lease_expires_at IS NOT NULL)),
  CONSTRAINT chk_holder_while_in_progress CHECK (claimed_by IS NULL OR status = 'in_progress'),
  CONSTRAINT chk_completed_at CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
  CONSTRAINT chk_deleted_not_held CHECK (deleted_at IS NULL OR status <> 'in_progress')
);
CREATE INDEX idx_tasks_project_status ON tasks (project_id, status);
CREATE INDEX idx_tasks_status ON tasks (status);
CREATE INDEX idx_tasks_pending ON tasks (project_id, priority, queue_position)
  WHERE status = 'pending' AND deleted_at IS NULL AND archived_at IS NULL;
CREATE INDEX idx_tasks_lease ON tasks (project_id, lease_expires_at)
  WHERE status = 'in_progress' AND archived_at IS NULL;
CREATE UNIQUE INDEX uniq_tasks_artifact ON tasks (project_id, artifact_id) WHERE deleted_at IS NULL;
-- taskId alone finds its task when exactly one visible project holds it.
CREATE INDEX idx_tasks_task_id ON tasks (task_id);

-- What follows from the status, for rows written by plain SQL; the server's own statements never need it.
CREATE FUNCTION stamp_task_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'in_progress' THEN
    NEW.lease_expires_at := coalesce(NEW.lease_expires_at,
      docket_now() + (SELECT project_lease(p.settings) FROM projects p WHERE p.project_id = NEW.project_id));
    NEW.started_at := coalesce(NEW.started_at, docket_now());
  ELSE
    NEW.lease_expires_at := NULL;
    NEW.claimed_by := NULL;
  END IF;
  IF NEW.status = 'completed' THEN
    NEW.completed_at := coalesce(NEW.completed_at, docket_now());
  ELSE
    NEW.completed_at := NULL;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER tasks_status_stamps BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW
  WHEN ((NEW.status = 'in_progress') <> (NEW.lease_expires_at IS NOT NULL)
    OR (NEW.status = 'completed') <> (NEW.completed_at IS NOT NULL)
    OR (NEW.claimed_by IS NOT NULL AND NEW.status <> 'in_progress'))
  EXECUTE FUNCTION stamp_task_status();

-- The whole task as events carry it, under the names of the GraphQL API.
CREATE FUNCTION task_document(t tasks) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_object('projectId', t.project_id, 'taskId', t.task_id, 'title', t.title,
    'description', t.description, 'kind', upper(t.kind), 'generatorName', t.generator_name, 'status', upper(t.status),
    'priority', t.priority, 'labels', t.labels, 'inputs', coalesce(t.inputs, '[]'),
    'expectedOutputs', coalesce(t.expected_outputs, '[]'), 'contextNotes', t.context_notes,
    'completionNotes', t.completion_notes, 'metadata', t.metadata, 'artifactId', t.artifact_id,
    'artifactType', t.artifact_type, 'branchName', t.branch_name, 'commitHash', t.commit_hash, 'prNumber', t.pr_number)
  || jsonb_build_object('dueDate', t.due_date, 'createdAt', t.created_at, 'updatedAt', t.updated_at,
    'startedAt', t.started_at, 'completedAt', t.completed_at, 'deletedAt', t.deleted_at, 'createdBy', t.created_by,
    'claimedBy', t.claimed_by, 'leaseExpiresAt', t.lease_expires_at, 'version', t.version, 'attemptCount', t.attempts)
$$;

-- One holding of a task by one worker. The number is the fence.
CREATE TABLE task_attempts (
  project_id varchar(100) NOT NULL,
  task_id varchar(20) NOT NULL,
  attempt integer NOT NULL CHECK (attempt >= 1),
  worker text,
  actor text NOT NULL,
  client text,
  claimed_at timestamptz NOT NULL DEFAULT docket_now(),
  lease_expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  outcome text CHECK (outcome IN ('completed', 'released', 'expired', 'cancelled', 'reset')),
  checkpoint jsonb,
  notes text,
  PRIMARY KEY (project_id, task_id, attempt),
  FOREIGN KEY (project_id, task_id) REFERENCES tasks,
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX uniq_open_attempt ON task_attempts (project_id, task_id) WHERE ended_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON tasks, task_attempts TO docket_app;
