/** Runs a command and ends the process; what it throws becomes one message and a failing exit code. */
export async function orExplain(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (error) {
    // A failure's message says what to do. A TypeError or ReferenceError is a fault in this code, and needs its stack.
    const ours = error instanceof TypeError || error instanceof ReferenceError;
    process.stderr.write(`${ours ? error.stack : error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
  process.exit();
}
