-- Tells the planner what reading a text costs. It counts a comparison with a text of 20,000 characters, stored elsewhere
-- and compressed, like one of two numbers, and would rather read all texts than ask their index. Always true.
CREATE OR REPLACE FUNCTION text_was_read(task_id varchar) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
BEGIN
  RETURN true;
END $$;
