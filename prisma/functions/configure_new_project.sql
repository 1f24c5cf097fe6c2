-- A project has its configuration from the start, whoever makes it: also a server of the version before, or plain SQL.
CREATE OR REPLACE FUNCTION configure_new_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO project_configurations (project_id) VALUES (NEW.project_id);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER new_projects_are_configured AFTER INSERT ON projects FOR EACH ROW
  EXECUTE FUNCTION configure_new_project();
