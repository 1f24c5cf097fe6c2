/** A file that is no whole backup; the message says what is wrong, as a part of a sentence. */
export class DamagedBackup extends Error {
  override readonly name = "DamagedBackup";
}
