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
