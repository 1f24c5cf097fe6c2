CREATE OR REPLACE FUNCTION change_task_text() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE task_texts SET text = task_text(NEW) WHERE project_id = NEW.project_id AND task_id = NEW.task_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER task_texts_follow AFTER UPDATE OF title, description, context_notes, completion_notes, artifact_id ON tasks
  FOR EACH ROW
  WHEN ((OLD.title, OLD.description, OLD.context_notes, OLD.completion_notes, OLD.artifact_id)
    IS DISTINCT FROM (NEW.title, NEW.description, NEW.context_notes, NEW.completion_notes, NEW.artifact_id))
  EXECUTE FUNCTION change_task_text();

REVOKE EXECUTE ON FUNCTION change_task_text() FROM PUBLIC;
