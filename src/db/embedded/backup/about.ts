import { z } from "zod";

/** The first entry of a backup: what it is, before anything is unpacked. */
export const ABOUT_FILE = "docket-backup.json";
/** The last one, as PostgreSQL made it. */
export const MANIFEST_FILE = "backup_manifest";

export const About = z.object({
  format: z.literal(1),
  /** The Docket that made it. */
  docket: z.string(),
  /** PostgreSQL's version, like 18.4. */
  postgres: z.string(),
  /** Whose data folder it is: it fits no other system. */
  platform: z.string(),
  madeAt: z.string(),
});
export type About = z.infer<typeof About>;

/** The system whose data folders this process reads and writes. */
export const PLATFORM = `${process.platform} ${process.arch}`;
