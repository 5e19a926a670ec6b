import { copyFile, mkdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RunningAttempt } from './attempt.ts';
import type { AssembledDeb } from './assemble/assemble.ts';
import { claimRule, clashDetail } from './admit/claims.ts';
import { refusal, ruleOf } from './admit/judge.ts';
import { RennetError } from './model/errors.ts';
import { whyFromWheel } from './model/made-from.ts';
import type { Outcome } from './model/outcome.ts';
import type { Recipe } from './model/recipe.ts';
import type { StateFolder } from './model/state.ts';
import type { Architecture } from './model/target.ts';
import type { FlowPorts } from './ports.ts';
import { publishArchive } from './publish/publish.ts';
import type { PublishedRow } from './store/records.ts';
import type { Store } from './store/store.ts';

export interface PublicationPorts {
  readonly state: StateFolder;
  readonly store: Store;
  /** Told once when another rennet publishes the suite. */
  readonly onWait: (sentence: string) => void;
  /** Get an index although the suite holds nothing but packages for all; those that had one keep it. */
  readonly architectures?: readonly Architecture[];
}

/** Publishes what the database says a suite shall hold. Safe to call at any time: after an interrupted run it repairs. */
export async function publishSuite(suite: string, ports: PublicationPorts, signal: AbortSignal): Promise<void> {
  await ports.store.withPublishLock(suite, ports.onWait, (inner) => publishRows(suite, ports, inner), signal);
}

/** The caller holds the suite's lock. */
async function publishRows(suite: string, ports: PublicationPorts, signal: AbortSignal): Promise<void> {
  const { state, store, architectures: wanted = [] } = ports;
  const { rows, change } = await store.publishedRows(suite);
  const named = rows.flatMap((row) => (row.architecture === 'all' ? [] : [row.architecture]));
  const architectures = [...new Set([...named, ...wanted])].toSorted();
  const files = rows.map((row) => ({ ...row, blob: store.blobPath(row.sha256) }));
  await publishArchive({ state, suite, architectures, rows: files, now: new Date() }, signal);
  // Before the mark: killed in between, the next start comes here again.
  for (const row of rows) if (row.publishedAt === undefined) await amendAttempt(row, { state, store });
  await store.markPublished(suite, change);
}

/** The attempt of a row that this publication took along ended as a failure of the host: it is called what it became. */
async function amendAttempt(
  row: PublishedRow,
  { state, store }: Pick<PublicationPorts, 'state' | 'store'>,
): Promise<void> {
  const attempt = await store.attempt(row.attempt);
  if (attempt?.outcome !== 'infrastructure') return;
  await store.amendPublished(row.attempt, {
    sentence: `${publishedSentence(attempt, row)}, after an interruption.`,
    package: row.package,
    packageVersion: row.version,
    deb: row.sha256,
    file: join(state.archive, row.pool),
  });
}

function publishedSentence(
  { project, version }: { project: string; version: string },
  row: Pick<PublishedRow, 'package' | 'version' | 'suite'>,
): string {
  return `${project} ${version} is published as ${row.package} ${row.version} for ${row.suite}`;
}

/**
 * Records a checked package and publishes its suite. Order: blob durable → row committed → index renamed. Gives the next build number
 * when the same version stands there with other bytes: assemble again with that. ^C counts until the row is committed: what is
 * recorded will be published, by this process or by the next start, so it must not be called cancelled.
 */
export async function publishDeb(
  deb: AssembledDeb,
  build: number,
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
  signal: AbortSignal,
): Promise<Outcome | { nextBuild: number }> {
  const { store, state } = ports;
  const { suite, architecture } = recipe.target;
  await store.putBlob(deb.path, signal);
  const row = {
    suite,
    package: deb.package,
    version: deb.version,
    architecture: deb.architecture,
    project: recipe.project,
    upstream: recipe.upstreamVersion,
    build,
    control: deb.control,
    sha256: deb.sha256,
    bytes: deb.bytes,
    pool: poolPath(suite, deb),
    attempt: attempt.id,
    claims: deb.claims,
  };
  const onWait = (doing: string) => ports.progress({ doing });
  ports.progress({ doing: `publishing ${deb.package} ${deb.version}` });
  const cancel = cancelUntil(signal);
  const recordAndPublish = async (inner: AbortSignal): Promise<Outcome | { nextBuild: number }> => {
    inner.throwIfAborted();
    cancel.noMore();
    const recorded = await store.recordPackage(row);
    if (recorded.recorded === 'refused') return { nextBuild: recorded.nextBuild };
    if (recorded.recorded === 'held') return heldOutcome(recorded.claim, recorded.owner, recipe);
    attempt.found.deb = deb.sha256;
    noteFile(attempt, join(state.archive, row.pool));
    await publishRows(suite, { state, store, onWait, architectures: [architecture] }, inner);
    return { kind: 'published', sentence: `${publishedSentence(recipe, row)}${madeFromPart(recipe)}.` };
  };
  try {
    return await store.withPublishLock(suite, onWait, recordAndPublish, cancel.signal);
  } finally {
    cancel.noMore();
  }
}

/** Another project published it while this one was built; the rule would have held it at admission. */
function heldOutcome(claim: string, owner: string, recipe: Recipe): Outcome {
  const { outcome, rule, sentence } = refusal({ recipe }, ruleOf(claimRule(claim)), clashDetail(claim, owner), []);
  return { kind: outcome, rule, sentence };
}

/** Passes an abort on until it is told that there is no way back any more. */
function cancelUntil(signal: AbortSignal): { signal: AbortSignal; noMore: () => void } {
  const passedOn = new AbortController();
  const pass = () => passedOn.abort(signal.reason);
  if (signal.aborted) pass();
  signal.addEventListener('abort', pass);
  return { signal: passedOn.signal, noMore: () => signal.removeEventListener('abort', pass) };
}

/** Keeps a private build under its attempt; nothing of it is published. */
export async function keepDeb(
  deb: AssembledDeb,
  recipe: Recipe,
  attempt: RunningAttempt,
  ports: FlowPorts,
): Promise<Outcome> {
  const folder = join(ports.state.attempts, attempt.id);
  const file = join(folder, basename(deb.path));
  await mkdir(folder, { recursive: true });
  // The blob is durable; the kept file is there whole or not at all.
  await ports.store.putBlob(deb.path);
  await copyFile(deb.path, `${file}.part`);
  await rename(`${file}.part`, file);
  attempt.found.deb = deb.sha256;
  noteFile(attempt, file);
  return {
    kind: 'kept',
    sentence: `${recipe.project} ${recipe.version} is kept as ${file}; it is not published${madeFromPart(recipe)}.`,
  };
}

/** Nobody should take upstream's own wheel for something that was built here. */
function madeFromPart(recipe: Recipe): string {
  const why = whyFromWheel(recipe);
  return why === undefined ? '' : `; it is made from upstream's wheel, because ${why}`;
}

/** Where the package lies, for programs. */
function noteFile(attempt: RunningAttempt, file: string): void {
  attempt.found.evidence = { ...attempt.found.evidence, file };
}

/** `pool/bookworm/python3-ftfy/python3-ftfy_6.3.1-0~pypi1~deb12_all.deb`: a suite never shares a file with another one. */
function poolPath(suite: string, deb: AssembledDeb): string {
  const file = basename(deb.path);
  if (!/^[a-z0-9][a-z0-9+.-]*_[A-Za-z0-9.+~-]+_[a-z0-9]+\.deb$/.test(file))
    throw new RennetError('defect', `A package file got the name ${JSON.stringify(file)}.`);
  return `pool/${suite}/${deb.package}/${file}`;
}
