-- A scan that cannot be avoided counts as so dear, as the function forbids them, that PostgreSQL would compile the plan,
-- for longer than it then runs.
ALTER FUNCTION drain(integer) SET jit = off;
