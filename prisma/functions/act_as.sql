-- Says in whose name the rest of the transaction acts: the defaults of event_inbox read it, and so whatever leaves an
-- event, a trigger and a function too, names them. Nobody acts where it was not called, nor in the next transaction: then
-- it is the server itself.
CREATE OR REPLACE FUNCTION act_as(actor text, client text, correlation_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('docket.actor', actor, true), set_config('docket.client', coalesce(client, ''), true),
    set_config('docket.correlation_id', coalesce(correlation_id, ''), true);
END $$;
