CREATE OR REPLACE AGGREGATE log_chain(head bytea, entry text) (SFUNC = log_link, STYPE = bytea);
