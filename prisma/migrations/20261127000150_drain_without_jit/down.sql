ALTER FUNCTION drain(integer) RESET jit;
