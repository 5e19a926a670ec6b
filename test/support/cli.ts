import { z } from 'zod';
import { TIMED_STAGES } from '../../src/model/outcome.ts';
import { PREREQUISITES, RESET_STRATEGIES } from '../../src/model/machine.ts';
import { rennet } from './command.ts';
import { machineState } from './images.ts';

const at = z.iso.datetime();
const text = z.string().min(1);
const count = z.int().nonnegative();

/** The JSON lines that programs rely on (DESIGN, "JSON lines"): a field that goes missing or changes its kind fails the test that read it. */
const EVENTS = {
  plan: z.object({
    at,
    target: text,
    items: z.array(
      z.object({
        project: text,
        version: z.string(),
        action: z.enum(['official', 'build', 'built', 'blocked']),
        package: text,
        sentence: text,
        needs: z.array(text),
      }),
    ),
    heldBack: z.array(z.object({ version: text, reason: text })),
  }),
  attempt: z.object({
    at,
    attempt: text,
    project: text,
    version: z.string(),
    target: text,
    outcome: text,
    class: text.optional(),
    rule: text.optional(),
    sentence: text,
    package: text.optional(),
    packageVersion: text.optional(),
    file: z.string().startsWith('/').optional(),
    driver: z.enum(['qemu', 'namespace']).optional(),
    reset: z.enum(['memory', 'overlay', 'delta', 'copy']).optional(),
    channel: z.enum(['folder', 'service']).optional(),
    prerequisites: z.enum(PREREQUISITES).optional(),
    isolation: z.enum(['hardware', 'emulated', 'none']).optional(),
    guests: z
      .array(
        z.object({
          title: z.enum(['build', 'check', 'tests']),
          reset: z.enum(RESET_STRATEGIES),
          isolation: z.enum(['hardware', 'emulated', 'none']),
          timingsMs: z.object({ reset: z.number(), run: z.number(), collect: z.number(), teardown: z.number() }),
        }),
      )
      .optional(),
    timingsMs: z.partialRecord(z.enum([...TIMED_STAGES, 'total']), count),
    provenance: z.record(z.string(), z.unknown()).optional(),
  }),
  summary: z.object({ at, published: count, skipped: count, failed: count, wallMs: count, sources: z.string() }),
  package: z.object({ at, suite: text, package: text, version: text, architecture: text, sha256: text, pool: text }),
  removed: z.object({ at, package: text, suite: text }),
  log: z.object({ at, attempt: text, line: z.string() }),
  figure: z.union([
    z.object({
      at,
      name: text,
      unit: text,
      median: z.number(),
      p95: z.number(),
      min: z.number(),
      max: z.number(),
      n: count,
      accelerator: z.enum(['kvm', 'tcg', 'none']),
      cpus: count,
      versions: z.record(z.string(), z.string()),
    }),
    z.object({ at, name: text, median: z.null(), n: z.literal(0), accelerator: z.literal('kvm'), why: text }),
  ]),
  chart: z.object({ at, file: z.string().startsWith('/') }),
};
type EventName = keyof typeof EVENTS;

/** One ended run of the command line. */
export interface CliRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Names of all events, in order. */
  readonly names: readonly string[];
  /** The events of one name, checked. */
  all<N extends EventName>(name: N): z.infer<(typeof EVENTS)[N]>[];
}

export interface CliOptions {
  /** Another index than the one of this host's pip: `http://127.0.0.1:PORT/simple`. */
  readonly index?: string;
  /** Text for people instead of JSON lines. */
  readonly plain?: boolean;
}

/** Runs `rennet …` in a process of its own, in the state folder that the tests share. */
export async function cli(args: readonly string[], { index, plain = false }: CliOptions = {}): Promise<CliRun> {
  // The real index is the one that pip uses here; with an index of the test's own no other setting of pip counts.
  const hostPip = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('PIP_')));
  const env = index === undefined ? { PIP_CONFIG_FILE: undefined, ...hostPip } : { PIP_INDEX_URL: index };
  const { status, stdout, stderr, events } = await rennet([...args, '--state', machineState.root], { env, plain });
  return {
    status,
    stdout,
    stderr,
    names: events.map(({ event }) => event),
    all: <N extends EventName>(name: N) => {
      const found = events.filter(({ event }) => event === name);
      return z.array(EVENTS[name]).parse(found) as z.infer<(typeof EVENTS)[N]>[];
    },
  };
}

/** The one event of a name; fails with what the command said where there is not exactly one. */
export function only<N extends EventName>(run: CliRun, name: N): z.infer<(typeof EVENTS)[N]> {
  const [event, ...more] = run.all(name);
  if (event === undefined || more.length > 0) throw new Error(`not exactly one ${name}:\n${run.stderr}`);
  return event;
}
