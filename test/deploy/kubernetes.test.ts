import { execFile, execFileSync } from "node:child_process";
import { glob, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Deployment, StatefulSet } from "kubernetes-types/apps/v1.d.ts";
import type { HorizontalPodAutoscaler } from "kubernetes-types/autoscaling/v2.d.ts";
import type { Job } from "kubernetes-types/batch/v1.d.ts";
import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { LabelSelector } from "kubernetes-types/meta/v1.d.ts";
import type { Ingress, NetworkPolicy } from "kubernetes-types/networking/v1.d.ts";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.d.ts";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import packageJson from "../../package.json" with { type: "json" };
import { readConfig, SETTINGS } from "../../src/config/config.ts";
import { PACKAGE_ROOT } from "../../src/config/package-root.ts";
import { createHealthRoutes } from "../../src/http/health.ts";
import { makeTemporaryFolder } from "../support/temporary-folder.ts";

type Workload = Deployment | StatefulSet | Job;

interface Generated {
  readonly name: string;
  readonly literals: readonly string[];
  readonly behavior?: "merge";
}

interface Kustomization {
  readonly namespace: string;
  readonly resources: readonly string[];
  readonly configMapGenerator?: readonly Generated[];
  readonly secretGenerator?: readonly Generated[];
  readonly images?: readonly { readonly name: string; readonly newName?: string; readonly newTag: string }[];
}

const FOLDER = "deploy/kubernetes";
const OVERLAYS = ["local", "production"];

/** The files that a kustomization takes in, by its own and those of the others that it builds on. */
async function read(folder: string): Promise<{ files: readonly string[]; kustomizations: readonly Kustomization[] }> {
  const own: Kustomization = parse(await readFile(join(folder, "kustomization.yaml"), "utf8"));
  const places = own.resources.map((name) => join(folder, name));
  const others = await Promise.all(places.filter((place) => !place.endsWith(".yaml")).map(read));
  return {
    files: [...others.flatMap(({ files }) => files), ...places.filter((place) => place.endsWith(".yaml"))],
    kustomizations: [...others.flatMap(({ kustomizations }) => kustomizations), own],
  };
}

const documentsIn = async (file: string) =>
  parseAllDocuments(await readFile(file, "utf8")).map((document) => document.toJS());

/** Where kubernetes-types has the type of a document. */
const moduleOf = (apiVersion: string) =>
  apiVersion === "v1" ? "core/v1" : apiVersion.replace(/^(\w+)[.\w]*\//, "$1/");

/** What the types of Kubernetes say against documents: fields that there are not or no more, wrong values, what lacks. */
async function faultsOf(documents: readonly { readonly apiVersion: string; readonly kind: string }[]) {
  const types = join(PACKAGE_ROOT, "node_modules", "kubernetes-types");
  const lines = documents.map(
    ({ apiVersion, kind, ...rest }, index) =>
      `export const d${index}: import(${JSON.stringify(join(types, moduleOf(apiVersion)))}).${kind} = ` +
      `${JSON.stringify({ apiVersion, kind, ...rest })};`,
  );
  const folder = await makeTemporaryFolder("manifests");
  const file = join(folder, "manifests.ts");
  await writeFile(file, lines.join("\n"));
  const tsc = join(PACKAGE_ROOT, "node_modules", ".bin", "tsc");
  const options = ["--noEmit", "--strict", "--ignoreConfig", "--types", "", file];
  const { stdout } = await promisify(execFile)(tsc, options).catch((error: { stdout: string }) => error);
  return stdout
    .split("\n")
    .filter((line) => line.includes("error TS"))
    .map((line) => {
      const [, number = "0", message] = /\((\d+),\d+\): error TS\d+: (.*)/.exec(line) ?? [];
      return `${documents[Number(number) - 1]?.kind}: ${message ?? line}`;
    });
}

const matches = (
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Readonly<Record<string, string>>,
) =>
  Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
  matchExpressions.every(({ key, operator, values }) => operator === "In" && values?.includes(labels[key] ?? ""));

describe("the manifests", () => {
  test("are all taken in, and each is what Kubernetes knows", async () => {
    const there = await Array.fromAsync(glob(`${FOLDER}/**/*.yaml`));
    const taken = await Promise.all(OVERLAYS.map((name) => read(join(FOLDER, "overlays", name))));
    const files = [...new Set(taken.flatMap((overlay) => overlay.files))];
    expect(there.filter((file) => !file.endsWith("kustomization.yaml")).sort()).toEqual(files.sort());
    const documents = (await Promise.all(files.map(documentsIn))).flat();
    const misspelt = { apiVersion: "v1", kind: "Service", spec: { portz: [] } };
    const wrong = { apiVersion: "policy/v1", kind: "PodDisruptionBudget", spec: { minAvailable: [1] } };
    const gone = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", spec: { policyTypes: ["Ingress"] } };
    expect(await faultsOf([...documents, misspelt, wrong, gone])).toEqual([
      expect.stringMatching(/^Service: .*'"portz"' does not exist/),
      expect.stringMatching(/^PodDisruptionBudget: /),
      expect.stringMatching(/^NetworkPolicy: .*'podSelector' is missing/),
    ]);
  });

  describe.each(OVERLAYS)("of the overlay %s", async (overlay) => {
    const { files, kustomizations } = await read(join(FOLDER, "overlays", overlay));
    const all = (await Promise.all(files.map(documentsIn))).flat();
    const those = <Kind>(kind: string): readonly Kind[] => all.filter((document) => document.kind === kind);
    const workloads = ["Deployment", "StatefulSet", "Job"].flatMap((kind) => those<Workload>(kind));
    const podsOf = (workload: Workload) => workload.spec?.template;
    const containers = workloads.flatMap((workload) =>
      (podsOf(workload)?.spec?.containers ?? []).map((container) => ({ workload, container })),
    );
    const docket = containers.filter(({ container }) => container.image === "docket");
    const generated = (kind: "configMapGenerator" | "secretGenerator", name: string) =>
      Object.fromEntries(
        kustomizations
          .flatMap((kustomization) => kustomization[kind] ?? [])
          .filter((some) => some.name === name)
          .flatMap(({ literals }) => literals.map((literal) => literal.split(/=(.*)/s).slice(0, 2))),
      );

    test("have selectors that find pods, and ports and probes that there are", () => {
      const pods = workloads.map((workload) => podsOf(workload)?.metadata?.labels ?? {});
      const found = (selector: LabelSelector | undefined) => pods.filter((labels) => matches(selector ?? {}, labels));
      for (const workload of [...those<Deployment>("Deployment"), ...those<StatefulSet>("StatefulSet")])
        expect(found(workload.spec?.selector)).toEqual([podsOf(workload)?.metadata?.labels]);
      expect(found(those<PodDisruptionBudget>("PodDisruptionBudget")[0]?.spec?.selector)).toHaveLength(1);
      const portsOf = (selector: LabelSelector) =>
        containers
          .filter(({ workload }) => matches(selector, podsOf(workload)?.metadata?.labels ?? {}))
          .flatMap(({ container }) => container.ports ?? [])
          .map(({ name }) => name);
      for (const { metadata, spec } of those<Service>("Service")) {
        const selector = { matchLabels: spec?.selector ?? {} };
        expect(found(selector), metadata?.name).toHaveLength(1);
        for (const { targetPort } of spec?.ports ?? []) expect(portsOf(selector)).toContain(targetPort);
      }
      for (const { metadata, spec } of those<NetworkPolicy>("NetworkPolicy")) {
        expect(found(spec?.podSelector), metadata?.name).not.toEqual([]);
        for (const { ports = [] } of spec?.ingress ?? [])
          for (const { port } of ports) expect(portsOf(spec?.podSelector ?? {}), metadata?.name).toContain(port);
        for (const { to = [], ports = [] } of spec?.egress ?? [])
          for (const { podSelector } of to)
            for (const { port } of podSelector ? ports : []) expect(portsOf(podSelector ?? {})).toContain(port);
      }
      for (const { container } of containers)
        for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
          if (probe?.httpGet) expect((container.ports ?? []).map(({ name }) => name)).toContain(probe.httpGet.port);
      const [{ spec: scaler } = {}] = those<HorizontalPodAutoscaler>("HorizontalPodAutoscaler");
      const scaled = those<Deployment>("Deployment").filter(
        ({ metadata }) => metadata?.name === scaler?.scaleTargetRef.name,
      );
      // Applied again, a number that stands there would undo what the autoscaler has said.
      expect(scaled.map(({ spec }) => spec?.replicas)).toEqual([undefined]);
      for (const { spec } of those<Ingress>("Ingress"))
        for (const { http } of spec?.rules ?? [])
          for (const { backend } of http?.paths ?? [])
            expect(
              those<Service>("Service")
                .filter(({ metadata }) => metadata?.name === backend.service?.name)
                .flatMap(({ spec: service }) => service?.ports ?? []),
            ).toContainEqual(expect.objectContaining({ name: backend.service?.port?.name }));
    });

    test("ask Docket for its health where it answers, and give it time to stop", () => {
      const routes = new Set(
        createHealthRoutes({
          database: () => ({ connected: true, diskFull: false, lacking: [] }),
          bus: () => null,
          stopping: () => false,
        }).map(([path]) => path),
      );
      const servers = docket.filter(({ workload }) => workload.kind === "Deployment");
      expect(servers).toHaveLength(2);
      for (const { workload, container } of servers) {
        expect(container.startupProbe?.httpGet?.path).toBe("/health/live");
        expect(container.livenessProbe?.httpGet?.path).toBe("/health/live");
        expect(container.readinessProbe?.httpGet?.path).toBe("/health/ready");
        expect(routes).toEqual(new Set(["/health", "/health/live", "/health/ready"]));
        expect(podsOf(workload)?.spec?.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(30);
      }
    });

    test("give Docket settings that it knows and takes, from maps and secrets that there are", () => {
      const version = kustomizations.flatMap(({ images = [] }) => images).filter(({ name }) => name === "docket");
      expect(version[0]?.newTag).toBe(packageJson.version);
      const secret: Record<string, string> = {
        DATABASE_URL: "postgresql://docket:secret@db.example.com/docket",
        ...generated("secretGenerator", "docket"),
      };
      for (const { workload, container } of docket) {
        for (const { configMapRef, secretRef } of container.envFrom ?? [])
          expect(configMapRef?.name ?? secretRef?.name).toBe("docket");
        const own = (container.env ?? []).map(({ name, value = "" }): [string, string] => [name, value]);
        const settings = { ...generated("configMapGenerator", "docket"), ...secret, ...Object.fromEntries(own) };
        expect(Object.keys(settings).filter((name) => !SETTINGS.has(name))).toEqual([]);
        const { jobs } = readConfig(settings);
        if (workload.kind === "Deployment")
          expect(jobs.length > 0, workload.metadata?.name).toBe(workload.metadata?.name === "docket-jobs");
      }
      const referred = containers.flatMap(({ container }) => container.envFrom ?? []);
      for (const name of referred.flatMap(({ secretRef }) => secretRef?.name ?? []))
        if (overlay === "local") expect(generated("secretGenerator", name), name).not.toEqual({});
        else expect(name).toBe("docket");
      for (const { workload, container } of containers) {
        const { volumes = [] } = podsOf(workload)?.spec ?? {};
        const claims = "serviceName" in (workload.spec ?? {}) ? ["data"] : [];
        for (const { name } of container.volumeMounts ?? [])
          expect([...volumes.map((volume) => volume.name), ...claims]).toContain(name);
      }
    });

    test("give no pod more than it needs", () => {
      expect(those("ServiceAccount")).toMatchObject([{ automountServiceAccountToken: false }]);
      for (const { workload, container } of containers) {
        expect(podsOf(workload)?.spec, workload.metadata?.name).toMatchObject({
          serviceAccountName: "docket",
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
        });
        expect(container, workload.metadata?.name).toMatchObject({
          image: expect.stringMatching(/^(docket|docker\.io\/[\w/]+:(?!latest)[\w.-]+)$/),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          resources: {
            requests: { cpu: expect.any(String), memory: expect.any(String) },
            limits: { memory: expect.stringMatching(/^\d+[MG]i$/) },
          },
        });
      }
      expect(those<NetworkPolicy>("NetworkPolicy").map(({ spec }) => spec)).toContainEqual({
        podSelector: {},
        policyTypes: ["Ingress", "Egress"],
      });
    });

    test.skipIf(!hasKubectl())("are rendered by kustomize, all of them in one namespace", async () => {
      const { stdout } = await promisify(execFile)("kubectl", ["kustomize", join(FOLDER, "overlays", overlay)]);
      const rendered = parseAllDocuments(stdout).map((document) => document.toJS());
      const made = rendered.filter(({ kind }) => kind === "ConfigMap" || kind === "Secret");
      expect(rendered).toHaveLength(all.length + made.length);
      expect(made.map(({ kind }) => kind).sort()).toEqual(
        overlay === "local" ? ["ConfigMap", "Secret", "Secret"] : ["ConfigMap"],
      );
      for (const { kind, metadata } of rendered)
        expect(kind === "Namespace" ? metadata.name : metadata.namespace).toBe("docket");
      expect(stdout).not.toMatch(/image: docket$/m);
    });
  });
});

function hasKubectl(): boolean {
  try {
    return execFileSync("kubectl", ["kustomize", "--help"]).length > 0;
  } catch {
    return false;
  }
}
