-- A project or session that somebody holds becomes a task.
CREATE OR REPLACE FUNCTION refuse_kind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM refuse_beyond_limits(NEW.project_id, NEW.claimed_by, 1, 1);
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER kinds_need_a_place BEFORE UPDATE OF kind ON tasks FOR EACH ROW
  WHEN (NEW.status = 'in_progress' AND NEW.kind IN ('task', 'research') AND OLD.kind NOT IN ('task', 'research'))
  EXECUTE FUNCTION refuse_kind();
