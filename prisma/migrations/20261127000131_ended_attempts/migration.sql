-- What ended since an instant, to tell who worked since then without reading all attempts of all time.
CREATE INDEX idx_attempts_ended ON task_attempts (ended_at) WHERE ended_at IS NOT NULL;
