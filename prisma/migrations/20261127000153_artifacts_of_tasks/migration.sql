-- Only tasks that make an artifact. With the others, the index counted as a small one until the table was analysed, and
-- was taken to find a task by its ID: among all of the project.
CREATE UNIQUE INDEX uniq_tasks_artifact_made ON tasks (project_id, artifact_id)
  WHERE deleted_at IS NULL AND artifact_id IS NOT NULL;
DROP INDEX uniq_tasks_artifact;
ALTER INDEX uniq_tasks_artifact_made RENAME TO uniq_tasks_artifact;
