-- What the clients of a project agree on: what is being worked on, and where.
CREATE TABLE project_configurations (
  project_id varchar(100) PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
  active_context_type text NOT NULL DEFAULT 'feature' CHECK (active_context_type IN ('feature', 'maintenance', 'research')),
  current_session varchar(100) CHECK (current_session <> ''),
  git_branch varchar(255) CHECK (git_branch <> ''),
  git_head_commit text CHECK (git_head_commit ~ '^[0-9a-f]{40}$'),
  default_token_budget integer NOT NULL DEFAULT 200000 CHECK (default_token_budget BETWEEN 1000 AND 1000000),
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  updated_at timestamptz NOT NULL DEFAULT docket_now(),
  updated_by text,
  version integer NOT NULL DEFAULT 1 CHECK (version >= 1)
);
-- INSERT: the trigger below runs with the rights of who makes the project.
GRANT SELECT, INSERT, UPDATE ON project_configurations TO docket_app;

-- A project has its configuration from the start, whoever makes it: also a server of the version before, or plain SQL.
CREATE OR REPLACE FUNCTION configure_new_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO project_configurations (project_id) VALUES (NEW.project_id);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER new_projects_are_configured AFTER INSERT ON projects FOR EACH ROW
  EXECUTE FUNCTION configure_new_project();

-- Behind the trigger, so that no project comes between.
INSERT INTO project_configurations (project_id) SELECT project_id FROM projects ON CONFLICT DO NOTHING;

-- What is wished for later.
CREATE TABLE enhancements (
  project_id varchar(100) NOT NULL REFERENCES projects,
  enhancement_id uuid NOT NULL DEFAULT gen_random_uuid(),
  title varchar(200) NOT NULL CHECK (title <> ''),
  description text NOT NULL CHECK (char_length(description) BETWEEN 1 AND 10000),
  priority smallint NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
  status text NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'approved', 'implementing', 'completed')),
  target_quarter text CHECK (target_quarter ~ '^[0-9]{4}-Q[1-4]$'),
  requires_constitutional_principles text[] NOT NULL DEFAULT '{}'
    CHECK (array_position(requires_constitutional_principles, NULL) IS NULL),
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  updated_at timestamptz NOT NULL DEFAULT docket_now(),
  version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
  PRIMARY KEY (project_id, enhancement_id)
);
CREATE INDEX idx_enhancements_priority ON enhancements (project_id, priority, enhancement_id);
GRANT SELECT, INSERT, UPDATE ON enhancements TO docket_app;
