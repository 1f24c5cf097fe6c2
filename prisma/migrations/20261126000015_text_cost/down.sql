DROP FUNCTION text_was_read;
