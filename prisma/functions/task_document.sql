-- The whole task as events carry it, under the names of the GraphQL API.
CREATE OR REPLACE FUNCTION task_document(t tasks) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
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
