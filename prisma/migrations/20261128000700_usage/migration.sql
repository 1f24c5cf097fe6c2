-- What attempts used, as their workers said: added up for each model and each day, in UTC. Where a task was in progress
-- without an attempt, its usage is of none. Costs are exact to twelve decimals, in US dollars.
CREATE TABLE task_usage (
  project_id varchar(100) NOT NULL,
  task_id varchar(20) NOT NULL,
  attempt integer,
  day date NOT NULL,
  model text CHECK (char_length(model) BETWEEN 1 AND 100),
  worker text,
  input_tokens bigint NOT NULL CHECK (input_tokens >= 0),
  output_tokens bigint NOT NULL CHECK (output_tokens >= 0),
  cost_usd numeric(30, 12) NOT NULL CHECK (cost_usd >= 0 AND cost_usd <> 'NaN'),
  CONSTRAINT uniq_task_usage UNIQUE NULLS NOT DISTINCT (project_id, task_id, attempt, day, model),
  FOREIGN KEY (project_id, task_id) REFERENCES tasks,
  FOREIGN KEY (project_id, task_id, attempt) REFERENCES task_attempts
);
CREATE INDEX idx_task_usage_day ON task_usage (project_id, day);
GRANT SELECT, INSERT, UPDATE ON task_usage TO docket_app;
