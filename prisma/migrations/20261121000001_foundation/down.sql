-- The role docket_app and the extension stay: both may serve others in this cluster or database.
DROP TABLE idempotency_keys, api_keys, projects, namespaces;
DROP FUNCTION project_lease(jsonb);
DROP FUNCTION docket_now();
DROP TABLE clock_offset;
