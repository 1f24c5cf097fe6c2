DROP FUNCTION closes_circle(text, text, text, text);
DROP TABLE task_dependencies CASCADE;
DROP TRIGGER new_tasks_have_their_depth ON tasks;
DROP TRIGGER tasks_have_their_depth ON tasks;
DROP TRIGGER tasks_below_follow ON tasks;
DROP TRIGGER blocked_tasks_are_told ON tasks;
DROP TRIGGER new_tasks_count ON tasks;
DROP TRIGGER tasks_count ON tasks;
DROP TRIGGER removed_tasks_count ON tasks;
DROP FUNCTION place_in_tree(), tell_blocked(), count_open_task(), count_dependency();
DROP FUNCTION is_open(text, timestamptz, boolean);
ALTER TABLE tasks
  DROP COLUMN unblocked,
  DROP COLUMN parent_task_id,
  DROP COLUMN depth,
  DROP COLUMN skills,
  DROP COLUMN assigned_to,
  DROP COLUMN is_template,
  DROP COLUMN open_blockers,
  DROP COLUMN open_children,
  DROP COLUMN failures,
  DROP COLUMN ready_at,
  DROP COLUMN parked_at,
  DROP COLUMN parked_reason;
