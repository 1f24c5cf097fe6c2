/** SQL: what stands on lists and is counted unless more is asked for: no template of a recurring task, nothing deleted or archived. */
export const onLists = (task = "t") =>
  `${task}.deleted_at IS NULL AND ${task}.archived_at IS NULL AND NOT ${task}.is_template`;
