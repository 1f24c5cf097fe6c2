import { readFile } from "node:fs/promises";
import type { Client } from "pg";
import { loadConfig } from "../config/config.ts";
import { errorCode, UNDEFINED_TABLE } from "../db/faults.ts";
import { connectAuditor } from "../log/audit/auditor.ts";
import { describeVerification } from "../log/audit/describe-verification.ts";
import { type KeptHeads, readHeads, signHeads, takeHeads } from "../log/audit/kept-heads.ts";
import { verifyLog } from "../log/audit/verify.ts";
import { explainMissingDatabase, findDatabase } from "./find-database.ts";
import { orExplain } from "./or-explain.ts";

export interface AuditOptions {
  /** Only the chain of this project. */
  readonly project?: string | undefined;
  /** File of heads that were kept. */
  readonly against?: string | undefined;
  /** PEM file of the key that the signature of these is checked with. */
  readonly publicKey?: string | undefined;
  readonly json?: boolean | undefined;
}

/** `docket audit verify`: says the first broken row of the log; the exit code is 1 then. */
export async function auditVerify({ project, against, publicKey, json = false }: AuditOptions): Promise<void> {
  await orExplain(async () => {
    let kept: KeptHeads | undefined;
    if (against !== undefined)
      kept = readHeads(
        await readFile(against, "utf8"),
        publicKey === undefined ? null : await readFile(publicKey, "utf8"),
      );
    const result = await withAuditor((auditor) => verifyLog(auditor, { projectId: project, against: kept }));
    console.log(json ? JSON.stringify(result) : describeVerification(result, kept, publicKey !== undefined));
    if (result.faults.length > 0) process.exitCode = 1;
  });
}

/** `docket audit head`: prints the ends of all chains, to be kept elsewhere. @param sign PEM file of the key to sign with. */
export async function auditHead({ sign }: { readonly sign?: string | undefined }): Promise<void> {
  await orExplain(async () => {
    const key = sign === undefined ? undefined : await readFile(sign, "utf8");
    const heads = await withAuditor(takeHeads);
    console.log(JSON.stringify(key === undefined ? heads : signHeads(heads, key), null, 2));
  });
}

async function withAuditor<T>(look: (auditor: Client) => Promise<T>): Promise<T> {
  await using running = new AsyncDisposableStack();
  const { ownerUrl } = await findDatabase(loadConfig(), running);
  const auditor = await connectAuditor(ownerUrl).catch(explainMissingDatabase);
  running.defer(() => auditor.end());
  return await look(auditor).catch((error: unknown) => {
    if (errorCode(error) !== UNDEFINED_TABLE) throw error;
    throw new Error("This database is not up to date. Bring it there first: npx docket migrate", { cause: error });
  });
}
