-- Whether a text has the shape of a recurrence pattern. What it then means, and whether its parts go together, the server reads.
CREATE OR REPLACE FUNCTION is_recurrence_pattern(pattern text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pattern ~* '^(daily:?|yearly:?|weekly:?|monthly:?|weekly:(mon|tue|wed|thu|fri|sat|sun)(,(mon|tue|wed|thu|fri|sat|sun))*|monthly:([1-9]|[12][0-9]|3[01])(,([1-9]|[12][0-9]|3[01]))*|custom:([1-9][0-9]{0,2}|1000)d)$'
    OR (pattern ~* '^(RRULE:)?[A-Z]+=[A-Z0-9,+-]+(;[A-Z]+=[A-Z0-9,+-]+)*$' AND pattern ~* '(^|[:;])FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;|$)')
$$;
