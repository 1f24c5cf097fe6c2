-- What was used counts against the budget of its project, whoever writes it down.
CREATE OR REPLACE FUNCTION count_usage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  more numeric := NEW.cost_usd - CASE TG_OP WHEN 'UPDATE' THEN OLD.cost_usd ELSE 0 END;
BEGIN
  IF more <> 0 THEN
    PERFORM spend_budget(NEW.project_id, NEW.day, more);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER usage_counts AFTER INSERT OR UPDATE OF cost_usd ON task_usage FOR EACH ROW
  EXECUTE FUNCTION count_usage();
