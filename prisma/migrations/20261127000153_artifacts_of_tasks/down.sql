DROP INDEX uniq_tasks_artifact;
CREATE UNIQUE INDEX uniq_tasks_artifact ON tasks (project_id, artifact_id) WHERE deleted_at IS NULL;
