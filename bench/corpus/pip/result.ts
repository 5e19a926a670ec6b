import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** Why pip did not manage; `infrastructure` (network, host) says nothing of the project, and is tried again. */
export const PIP_FAILURES = [
  'not-found',
  'conflict',
  'build-failed',
  'install-failed',
  'import-failed',
  'time',
  'memory',
  'disk',
  'infrastructure',
] as const;
export type PipFailure = (typeof PIP_FAILURES)[number];

const pipResult = z.object({
  project: z.string(),
  target: z.string(),
  /** pip installed it and every top-level module imports. */
  ok: z.boolean(),
  /** What pip installed; empty where it did not. */
  version: z.string(),
  class: z.enum(PIP_FAILURES).optional(),
  /** The line of the log or of the import that shows it. */
  lastLine: z.string(),
  modules: z.array(z.string()),
  wallSeconds: z.number(),
});
/** What pip itself made of a project in a clean root of the suite. */
export type PipResult = z.infer<typeof pipResult>;

/** The result of an earlier run; undefined where there is none, or none that can be read. */
export async function readPipResult(path: string): Promise<PipResult | undefined> {
  try {
    return pipResult.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
