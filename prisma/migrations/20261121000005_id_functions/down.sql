DROP FUNCTION give_ids(jsonb);
DROP FUNCTION answer_given(uuid);
DROP FUNCTION record_numbers(text, text, text, int8multirange);
DROP FUNCTION assign_numbers(text, text, text, integer);
DROP FUNCTION take_numbers(text, text, integer, boolean);
DROP FUNCTION adopt_task_numbers(text, text, int8multirange);
DROP FUNCTION task_numbers(text, text, int8multirange);
DROP FUNCTION hold_sequence(text, text);
DROP FUNCTION return_numbers(text, text);
