/** How many times as long a test's pools wait: a hundred callers wait long for each other on a machine at load 8. */
export const PATIENCE = 4;
