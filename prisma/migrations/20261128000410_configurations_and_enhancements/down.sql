DROP TABLE enhancements;
DROP TRIGGER new_projects_are_configured ON projects;
DROP FUNCTION configure_new_project();
DROP TABLE project_configurations;
