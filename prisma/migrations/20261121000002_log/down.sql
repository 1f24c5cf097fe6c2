DROP FUNCTION drain(integer);
DROP AGGREGATE log_chain(bytea, text);
DROP FUNCTION log_link(bytea, bytea, text);
DROP FUNCTION log_entry(events);
DROP FUNCTION add_log_partition();
DROP TABLE events, event_inbox, log_head, project_log_heads;
DROP FUNCTION refuse_log_change();
