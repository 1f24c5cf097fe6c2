-- What a project may spend in a day or a month, in UTC, and has spent in the one that goes on. Claims look at the
-- project's row alone, which is written only when a budget is spent, and when that is over.
CREATE TABLE project_budgets (
  project_id varchar(100) PRIMARY KEY REFERENCES projects,
  cost_usd numeric(30, 12) NOT NULL CHECK (cost_usd > 0 AND cost_usd <> 'NaN'),
  per text NOT NULL CHECK (per IN ('day', 'month')),
  spent_usd numeric(30, 12) NOT NULL CHECK (spent_usd >= 0 AND spent_usd <> 'NaN'),
  ends_at timestamptz NOT NULL,
  told_low boolean NOT NULL DEFAULT false
);
GRANT SELECT, INSERT, UPDATE, DELETE ON project_budgets TO docket_app;

ALTER TABLE projects ADD COLUMN budget_spent_until timestamptz;
CREATE INDEX idx_projects_budget_spent ON projects (budget_spent_until) WHERE budget_spent_until IS NOT NULL;

-- When the period of a budget ends, in which a day lies: days and months are those of UTC.
CREATE OR REPLACE FUNCTION period_end(per text, day date) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (date_trunc(per, day::timestamp) + CASE per WHEN 'month' THEN interval '1 month' ELSE interval '1 day' END)
    AT TIME ZONE 'UTC'
$$;

-- Whether a project hands out no work now as its budget is spent: that ends with the period, also before anybody has told.
CREATE OR REPLACE FUNCTION is_spent(spent_until timestamptz) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT spent_until IS NOT NULL AND spent_until > docket_now() $$;

-- Keeps until when claims in a project take nothing as its budget is spent, NULL where they do, and tells of it where that
-- is something else than before: so it is once for each period and budget that they do not, and once that they do again.
CREATE OR REPLACE FUNCTION tell_spent(project text, until timestamptz, told jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  was timestamptz;
BEGIN
  SELECT p.budget_spent_until INTO was FROM projects p WHERE p.project_id = project;
  IF until IS NOT DISTINCT FROM was THEN
    RETURN;
  END IF;
  UPDATE projects p SET budget_spent_until = until WHERE p.project_id = project;
  INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload)
  VALUES (CASE WHEN until IS NULL THEN 'project.budget_available' ELSE 'project.budget_spent' END, project, 'project', project,
    told || jsonb_build_object('changes', changes_between(jsonb_build_object('budgetSpentUntil', was),
      jsonb_build_object('budgetSpentUntil', until))));
END $$;

-- Adds what was used on a day to the budget of its project, where that has one, and tells what it comes to: from four
-- fifths on once that it is nearly spent; and what tell_spent tells. The project is held as it is: who gives it another budget
-- waits, and then counts what was used before. The budget's row lets all others take turns.
CREATE OR REPLACE FUNCTION spend_budget(project text, on_day date, more numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  budget project_budgets;
  ends timestamptz;
  until timestamptz;
  told jsonb;
BEGIN
  PERFORM hold_project(project);
  SELECT b.* INTO budget FROM project_budgets b WHERE b.project_id = project FOR NO KEY UPDATE;
  ends := period_end(budget.per, on_day);
  -- Without a budget, or of a period that is over.
  IF ends IS NULL OR ends < budget.ends_at THEN
    RETURN;
  ELSIF ends > budget.ends_at THEN
    budget.ends_at := ends;
    budget.spent_usd := 0;
    budget.told_low := false;
  END IF;
  budget.spent_usd := budget.spent_usd + more;
  told := jsonb_build_object('costUsd', trim_scale(budget.cost_usd), 'per', upper(budget.per),
    'spentUsd', trim_scale(budget.spent_usd), 'periodEndsAt', budget.ends_at);
  IF budget.spent_usd >= budget.cost_usd * 0.8 AND NOT budget.told_low THEN
    budget.told_low := true;
    INSERT INTO event_inbox (event_type, project_id, subject_type, subject_id, payload)
    VALUES ('project.budget_low', project, 'project', project, told);
  END IF;
  UPDATE project_budgets b SET spent_usd = budget.spent_usd, ends_at = budget.ends_at, told_low = budget.told_low
  WHERE b.project_id = project;
  IF budget.spent_usd >= budget.cost_usd THEN
    until := budget.ends_at;
  END IF;
  PERFORM tell_spent(project, until, told);
END $$;

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

-- Work needs a project that is not archived, and a claim one that is not paused either, and whose budget is not
-- spent. Tells whether the project has limits.
CREATE OR REPLACE FUNCTION refuse_work(project text, claimed boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  archived boolean;
  paused boolean;
  spent boolean;
  limited boolean;
BEGIN
  PERFORM hold_project(project);
  SELECT p.archived_at IS NOT NULL, claimed AND is_paused(p.paused_at, p.paused_until), claimed AND is_spent(p.budget_spent_until),
    is_limited(p.settings)
  INTO archived, paused, spent, limited FROM projects p WHERE p.project_id = project;
  IF archived THEN
    RAISE EXCEPTION 'Project % is archived', project USING ERRCODE = 'DK001', DETAIL = project;
  ELSIF paused THEN
    RAISE EXCEPTION 'Project % is paused', project USING ERRCODE = 'DK002', DETAIL = project;
  ELSIF spent THEN
    RAISE EXCEPTION 'The budget of project % is spent', project USING ERRCODE = 'DK005', DETAIL = project;
  END IF;
  RETURN limited;
END $$;
