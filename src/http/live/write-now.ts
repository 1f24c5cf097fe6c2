import type { Socket } from "node:net";

const NOTHING = Buffer.alloc(0);

/**
 * Writes bytes past whatever frames them otherwise. Mostly the operating system takes them at once.
 * @param count counts bytes that wait to be read; its answer is called when they have left, or never will.
 * @returns whether they have left; if not, `left` is called once they have.
 */
export function writeNow(
  socket: Socket,
  bytes: Buffer,
  count: (bytes: number) => () => void,
  left: () => void,
): boolean {
  socket.write(bytes);
  if (socket.writableLength === 0) return true;
  const gone = count(bytes.length);
  socket.write(NOTHING, () => {
    gone();
    left();
  });
  return false;
}
