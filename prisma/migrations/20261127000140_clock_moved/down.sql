DROP TRIGGER clock_moved ON clock_offset;
DROP FUNCTION tell_clock_moved();
