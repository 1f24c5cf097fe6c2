-- The attempts of each task that failed, and when: few do, and only these are counted to tell which tasks failed most.
CREATE INDEX idx_attempts_failed ON task_attempts (project_id, task_id, ended_at) WHERE outcome = 'expired';
