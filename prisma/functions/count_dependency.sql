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
