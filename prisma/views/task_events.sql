-- The log as a table of the tasks' events. Task IDs are unique within a project, hence project_id beside them.
CREATE OR REPLACE VIEW task_events AS
  SELECT event_id, event_type, subject_id AS task_id, actor AS user_id, occurred_at AS timestamp, payload, correlation_id,
    to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM') AS partition_key, project_id
  FROM events WHERE subject_type = 'task';

GRANT SELECT ON task_events TO docket_app;
