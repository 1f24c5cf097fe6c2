-- Who delivers what a project extracts, and how well its extractor does. A name means one vendor, whatever its case.
CREATE TABLE vendors (
  project_id varchar(100) NOT NULL REFERENCES projects,
  vendor_id uuid NOT NULL DEFAULT gen_random_uuid(),
  name varchar(100) NOT NULL CHECK (name ~ '^[a-zA-Z0-9 _-]+$' AND name ~ '[^ ]'),
  status text NOT NULL CHECK (status IN ('operational', 'broken')),
  extractor_version varchar(50) CHECK (extractor_version <> ''),
  format_support jsonb CHECK (format_support IS NULL OR coalesce(
    jsonb_typeof(format_support -> 'excel') = 'boolean' AND jsonb_typeof(format_support -> 'csv') = 'boolean'
    AND jsonb_typeof(format_support -> 'pdf') = 'boolean' AND jsonb_typeof(format_support -> 'ocr') = 'boolean'
    AND format_support - '{excel,csv,pdf,ocr}'::text[] = '{}', false)),
  -- Read as numbers only where they are numbers: of conditions joined by AND any may come first.
  test_results jsonb CHECK (test_results IS NULL OR CASE
    WHEN jsonb_typeof(test_results -> 'passing') = 'number' AND jsonb_typeof(test_results -> 'total') = 'number'
      AND jsonb_typeof(test_results -> 'skipped') = 'number' AND test_results - '{passing,total,skipped}'::text[] = '{}'
    THEN (test_results ->> 'passing')::numeric >= 0 AND (test_results ->> 'skipped')::numeric >= 0
      AND (test_results ->> 'passing')::numeric + (test_results ->> 'skipped')::numeric <= (test_results ->> 'total')::numeric
      AND (test_results ->> 'passing') !~ '[.e]' AND (test_results ->> 'skipped') !~ '[.e]' AND (test_results ->> 'total') !~ '[.e]'
    ELSE false END),
  manifest_compliant boolean,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  updated_at timestamptz NOT NULL DEFAULT docket_now(),
  version integer NOT NULL DEFAULT 1 CHECK (version >= 1),
  PRIMARY KEY (project_id, vendor_id)
);
CREATE UNIQUE INDEX uniq_vendor_name ON vendors (project_id, lower(name));
GRANT SELECT, INSERT, UPDATE ON vendors TO docket_app;

-- What went out. A deployment is recorded once and never changed.
CREATE TABLE deployments (
  project_id varchar(100) NOT NULL REFERENCES projects,
  deployment_id uuid NOT NULL DEFAULT gen_random_uuid(),
  deployed_at timestamptz NOT NULL DEFAULT docket_now(),
  commit_hash text NOT NULL CHECK (commit_hash ~ '^[0-9a-f]{40}$'),
  pr_number integer NOT NULL CHECK (pr_number >= 1),
  pr_title varchar(200) NOT NULL CHECK (pr_title <> ''),
  test_summary jsonb NOT NULL CHECK (jsonb_typeof(test_summary) = 'object' AND NOT jsonb_path_exists(test_summary,
    'strict $.* ? (@.type() != "number" || @ < 0 || @.floor() != @)')),
  constitutional_compliance boolean NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  PRIMARY KEY (project_id, deployment_id)
);
CREATE INDEX idx_deployments_deployed ON deployments (project_id, deployed_at, deployment_id);
GRANT SELECT, INSERT ON deployments TO docket_app;

CREATE TABLE deployment_vendors (
  project_id varchar(100) NOT NULL,
  deployment_id uuid NOT NULL,
  vendor_id uuid NOT NULL,
  PRIMARY KEY (project_id, deployment_id, vendor_id),
  FOREIGN KEY (project_id, deployment_id) REFERENCES deployments,
  FOREIGN KEY (project_id, vendor_id) REFERENCES vendors
);
CREATE INDEX idx_deployments_of_vendor ON deployment_vendors (project_id, vendor_id);
GRANT SELECT, INSERT ON deployment_vendors TO docket_app;

CREATE TABLE deployment_tasks (
  project_id varchar(100) NOT NULL,
  deployment_id uuid NOT NULL,
  task_id varchar(20) NOT NULL,
  PRIMARY KEY (project_id, deployment_id, task_id),
  FOREIGN KEY (project_id, deployment_id) REFERENCES deployments,
  FOREIGN KEY (project_id, task_id) REFERENCES tasks
);
CREATE INDEX idx_deployments_of_task ON deployment_tasks (project_id, task_id);
GRANT SELECT, INSERT ON deployment_tasks TO docket_app;
