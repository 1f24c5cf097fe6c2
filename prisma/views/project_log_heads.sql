-- Where the chain of each project ends.
CREATE OR REPLACE VIEW project_log_heads AS
  SELECT p.project_id, h.number, h.hash
  FROM (SELECT project_id::text FROM projects UNION ALL SELECT '_server') p CROSS JOIN LATERAL (
    (SELECT e.number, e.hash FROM events e WHERE e.project_id = p.project_id ORDER BY e.position DESC LIMIT 1)
    UNION ALL
    (SELECT f.number, f.hash FROM project_log_floors f WHERE f.project_id = p.project_id)
    LIMIT 1) h;

GRANT SELECT ON project_log_heads TO docket_app;
