-- Tasks that wait: for other tasks, for their children, for a time, for people. Counters on the row say what of it is open,
-- kept by triggers, so that a claim asks one index and no plain SQL can make them wrong.
ALTER TABLE tasks
  ADD COLUMN parent_task_id varchar(20),
  ADD COLUMN depth smallint NOT NULL DEFAULT 0 CHECK (depth BETWEEN 0 AND 5),
  ADD COLUMN skills text[] NOT NULL DEFAULT '{}' CHECK (array_position(skills, NULL) IS NULL),
  ADD COLUMN assigned_to text CHECK (char_length(assigned_to) BETWEEN 1 AND 100),
  ADD COLUMN is_template boolean NOT NULL DEFAULT false,
  ADD COLUMN open_blockers integer NOT NULL DEFAULT 0 CHECK (open_blockers >= 0),
  ADD COLUMN open_children integer NOT NULL DEFAULT 0 CHECK (open_children >= 0),
  ADD COLUMN failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  ADD COLUMN ready_at timestamptz,
  ADD COLUMN parked_at timestamptz,
  ADD COLUMN parked_reason text,
  ADD CONSTRAINT chk_parked_reason CHECK (parked_reason IS NULL OR parked_at IS NOT NULL),
  ADD CONSTRAINT chk_parent_another CHECK (parent_task_id <> task_id),
  ADD CONSTRAINT chk_depth_below_parent CHECK ((depth > 0) = (parent_task_id IS NOT NULL)),
  ADD CONSTRAINT tasks_parent_fkey FOREIGN KEY (project_id, parent_task_id) REFERENCES tasks;
-- A statement of its own: the columns that it is made of have to be there. What the index below asks for is this one value,
-- so that a count that goes from 3 to 2 touches no index.
ALTER TABLE tasks ADD COLUMN unblocked boolean NOT NULL GENERATED ALWAYS AS (deleted_at IS NULL AND archived_at IS NULL
  AND parked_at IS NULL AND NOT is_template AND open_blockers = 0 AND open_children = 0) STORED;
-- What a claim can take, in its order, and what comes to that later, by its time.
CREATE INDEX idx_tasks_ready ON tasks (project_id, priority, queue_position)
  WHERE status = 'pending' AND unblocked AND ready_at IS NULL;
CREATE INDEX idx_tasks_waiting ON tasks (project_id, ready_at)
  WHERE status = 'pending' AND unblocked AND ready_at IS NOT NULL;
CREATE INDEX idx_tasks_parent ON tasks (project_id, parent_task_id) WHERE parent_task_id IS NOT NULL;

-- The one relation that may cross projects: the task waits for the other, or has to do with it.
CREATE TABLE task_dependencies (
  project_id varchar(100) NOT NULL,
  task_id varchar(20) NOT NULL,
  depends_on_project_id varchar(100) NOT NULL,
  depends_on_task_id varchar(20) NOT NULL,
  kind text NOT NULL DEFAULT 'blocks' CHECK (kind IN ('blocks', 'relates_to', 'discovered_from', 'duplicates')),
  created_at timestamptz NOT NULL DEFAULT docket_now(),
  created_by text,
  PRIMARY KEY (project_id, task_id, depends_on_project_id, depends_on_task_id, kind),
  CONSTRAINT task_dependencies_task_fkey FOREIGN KEY (project_id, task_id) REFERENCES tasks,
  CONSTRAINT task_dependencies_depends_on_fkey FOREIGN KEY (depends_on_project_id, depends_on_task_id) REFERENCES tasks,
  CONSTRAINT chk_depends_on_another CHECK ((project_id, task_id) <> (depends_on_project_id, depends_on_task_id))
);
CREATE INDEX idx_dependents ON task_dependencies (depends_on_project_id, depends_on_task_id) WHERE kind = 'blocks';
CREATE INDEX idx_related ON task_dependencies (depends_on_project_id, depends_on_task_id) WHERE kind <> 'blocks';
GRANT SELECT, INSERT, DELETE ON task_dependencies TO docket_app;

-- Whether a task keeps others waiting: what depends on it, and its parent. A template is no work, and is never completed.
CREATE OR REPLACE FUNCTION is_open(status text, deleted_at timestamptz, is_template boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT status <> 'completed' AND deleted_at IS NULL AND NOT is_template
$$;

-- A task lies one level below its parent, and what lies below it follows. A circle of parents has no depth: it is refused
-- where it grows beyond the deepest level that there is.
CREATE OR REPLACE FUNCTION place_in_tree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_WHEN = 'AFTER' THEN
    UPDATE tasks t SET depth = NEW.depth + 1 WHERE t.project_id = NEW.project_id AND t.parent_task_id = NEW.task_id;
    RETURN NULL;
  END IF;
  NEW.depth := 0;
  IF NEW.parent_task_id IS NOT NULL THEN
    -- Locked: a parent that is being moved is waited for.
    SELECT p.depth + 1 INTO NEW.depth FROM tasks p
    WHERE p.project_id = NEW.project_id AND p.task_id = NEW.parent_task_id FOR NO KEY UPDATE;
    NEW.depth := coalesce(NEW.depth, 1);
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER new_tasks_have_their_depth BEFORE INSERT ON tasks FOR EACH ROW
  WHEN (NEW.parent_task_id IS NOT NULL OR NEW.depth <> 0) EXECUTE FUNCTION place_in_tree();
CREATE OR REPLACE TRIGGER tasks_have_their_depth BEFORE UPDATE OF parent_task_id, depth ON tasks FOR EACH ROW
  WHEN (OLD.parent_task_id IS DISTINCT FROM NEW.parent_task_id OR OLD.depth <> NEW.depth)
  EXECUTE FUNCTION place_in_tree();
CREATE OR REPLACE TRIGGER tasks_below_follow AFTER UPDATE OF parent_task_id, depth ON tasks FOR EACH ROW
  WHEN (OLD.depth <> NEW.depth) EXECUTE FUNCTION place_in_tree();

-- The event in the dependent's own project, so that a live view of that project is whole. It names no blocker: that may be
-- of a project which the reader does not see. A task that somebody holds stays with its holder, who is named.
CREATE OR REPLACE FUNCTION tell_blocked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload)
  VALUES (CASE NEW.open_blockers WHEN 0 THEN 'task.unblocked' ELSE 'task.blocked' END, NEW.project_id, 'task', NEW.task_id,
    jsonb_build_object('status', upper(NEW.status), 'worker', NEW.claimed_by, 'leaseExpiresAt', NEW.lease_expires_at));
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER blocked_tasks_are_told AFTER UPDATE OF open_blockers ON tasks FOR EACH ROW
  WHEN ((OLD.open_blockers = 0) <> (NEW.open_blockers = 0) AND is_open(NEW.status, NEW.deleted_at, NEW.is_template))
  EXECUTE FUNCTION tell_blocked();

-- Tells those that wait for a task, its dependents and its parent, that it was settled, or is open again; the parents also
-- that it was moved. Nothing is a change of theirs: their version and their time of change stay.
CREATE OR REPLACE FUNCTION count_open_task() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was integer := coalesce(is_open(OLD.status, OLD.deleted_at, OLD.is_template), false)::integer;
  now integer := coalesce(is_open(NEW.status, NEW.deleted_at, NEW.is_template), false)::integer;
BEGIN
  IF TG_OP = 'UPDATE' AND was <> now THEN
    UPDATE tasks t SET open_blockers = t.open_blockers + now - was FROM task_dependencies d
    WHERE d.depends_on_project_id = NEW.project_id AND d.depends_on_task_id = NEW.task_id AND d.kind = 'blocks'
      AND t.project_id = d.project_id AND t.task_id = d.task_id;
  END IF;
  UPDATE tasks t SET open_children = t.open_children + c.more FROM (
    SELECT p.task_id, sum(p.more)::integer AS more
    FROM (VALUES (OLD.parent_task_id, -was), (NEW.parent_task_id, now)) p (task_id, more)
    WHERE p.task_id IS NOT NULL GROUP BY p.task_id) c
  WHERE t.project_id = coalesce(NEW.project_id, OLD.project_id) AND t.task_id = c.task_id AND c.more <> 0;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER new_tasks_count AFTER INSERT ON tasks FOR EACH ROW
  WHEN (NEW.parent_task_id IS NOT NULL) EXECUTE FUNCTION count_open_task();
CREATE OR REPLACE TRIGGER tasks_count AFTER UPDATE OF status, deleted_at, is_template, parent_task_id ON tasks FOR EACH ROW
  WHEN (OLD.parent_task_id IS DISTINCT FROM NEW.parent_task_id OR
    is_open(OLD.status, OLD.deleted_at, OLD.is_template) <> is_open(NEW.status, NEW.deleted_at, NEW.is_template))
  EXECUTE FUNCTION count_open_task();
CREATE OR REPLACE TRIGGER removed_tasks_count AFTER DELETE ON tasks FOR EACH ROW
  WHEN (OLD.parent_task_id IS NOT NULL) EXECUTE FUNCTION count_open_task();

-- A dependency that begins (by 1) or ends (by -1) counts where what it waits for is open. That row is locked before it is
-- looked at: who completes it at the same time is waited for, and counts the dependencies that it finds then.
CREATE OR REPLACE FUNCTION count_blocker(edge task_dependencies, by integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  counts boolean;
BEGIN
  IF edge.kind <> 'blocks' THEN
    RETURN;
  END IF;
  SELECT is_open(b.status, b.deleted_at, b.is_template) INTO counts FROM tasks b
  WHERE b.project_id = edge.depends_on_project_id AND b.task_id = edge.depends_on_task_id FOR NO KEY UPDATE;
  IF counts THEN
    UPDATE tasks t SET open_blockers = t.open_blockers + by
    WHERE t.project_id = edge.project_id AND t.task_id = edge.task_id;
  END IF;
END $$;

CREATE OR REPLACE FUNCTION count_dependency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    PERFORM count_blocker(OLD, -1);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM count_blocker(NEW, 1);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER dependencies_count AFTER INSERT OR UPDATE OR DELETE ON task_dependencies
  FOR EACH ROW EXECUTE FUNCTION count_dependency();

-- Whether `blocker` waits already, through whatever lies between, for `task`: then `task` must not wait for it. A task
-- waits for what it depends on and for its children, settled ones too, as a reset opens them again. It is walked from both
-- ends in turns until one of them is at its end: mostly one of the two has little before it. The caller holds the lock of
-- the graph.
CREATE OR REPLACE FUNCTION closes_circle(task_project text, task text, blocker_project text, blocker text)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  up CURSOR FOR WITH RECURSIVE waits (project_id, task_id) AS (
    SELECT blocker_project::varchar, blocker::varchar
    UNION SELECT n.project_id, n.task_id FROM waits w CROSS JOIN LATERAL (
      SELECT d.depends_on_project_id AS project_id, d.depends_on_task_id AS task_id FROM task_dependencies d
      WHERE d.project_id = w.project_id AND d.task_id = w.task_id AND d.kind = 'blocks'
      UNION ALL SELECT c.project_id, c.task_id FROM tasks c
      WHERE c.project_id = w.project_id AND c.parent_task_id = w.task_id) n
  ) SELECT w.project_id, w.task_id FROM waits w;
  down CURSOR FOR WITH RECURSIVE keeps (project_id, task_id) AS (
    SELECT task_project::varchar, task::varchar
    UNION SELECT n.project_id, n.task_id FROM keeps k CROSS JOIN LATERAL (
      SELECT d.project_id, d.task_id FROM task_dependencies d
      WHERE d.depends_on_project_id = k.project_id AND d.depends_on_task_id = k.task_id AND d.kind = 'blocks'
      UNION ALL SELECT c.project_id, c.parent_task_id FROM tasks c
      WHERE c.project_id = k.project_id AND c.task_id = k.task_id AND c.parent_task_id IS NOT NULL) n
  ) SELECT k.project_id, k.task_id FROM keeps k;
  here record;
BEGIN
  OPEN up;
  OPEN down;
  LOOP
    FETCH up INTO here;
    IF NOT FOUND THEN
      RETURN false;
    ELSIF here.project_id = task_project AND here.task_id = task THEN
      RETURN true;
    END IF;
    FETCH down INTO here;
    IF NOT FOUND THEN
      RETURN false;
    ELSIF here.project_id = blocker_project AND here.task_id = blocker THEN
      RETURN true;
    END IF;
  END LOOP;
END $$;
