import pLimit, { type LimitFunction } from 'p-limit';
import type { RememberedHint } from '../model/hint.ts';
import type { StateFolder } from '../model/state.ts';
import { type Architecture, formatTarget, type Target } from '../model/target.ts';
import {
  amendPublished,
  beginAttempt,
  endAttempt,
  endInterrupted,
  findAttempt,
  lastAttempt,
  listAttempts,
} from './attempts.ts';
import { blobPath, putBlob } from './blobs.ts';
import { otherOwners } from './claims.ts';
import { type Connector, createConnector, databaseError } from './connection.ts';
import { addHints, type HintFilter, listHints, removeHints } from './hints.ts';
import { withLock } from './locks.ts';
import { migrate } from './migrations.ts';
import {
  listSuites,
  markPublished,
  nextBuild,
  publishedRows,
  recordPackage,
  removePackages,
  unpublishedSuites,
} from './packages.ts';
import type {
  Amendment,
  Attempt,
  AttemptEnding,
  AttemptFilter,
  AttemptStart,
  PackageRecord,
  RecordResult,
  Recovery,
  SuiteContent,
} from './records.ts';
import { createDatabase, type Database } from './schema.ts';
import { prepareState } from './state-folder.ts';

/**
 * Blobs, attempts and published packages. The order that survives `kill -9`: blob durable → row committed → index
 * renamed → `markPublished`. Every method raises RennetError `database-failed` or `no-space`, and then has changed nothing.
 */
export interface Store {
  readonly recovery: Recovery;
  /** Records a running attempt of this process; gives its id, which sorts by time. */
  beginAttempt(start: AttemptStart): Promise<string>;
  /** Ends a running attempt, with its ledger, in one transaction. `attempt-ended` when it has ended before. */
  endAttempt(id: string, ending: AttemptEnding): Promise<void>;
  /** Calls an attempt published that ended as `infrastructure` and whose package is published now; false for any other one, which stays. */
  amendPublished(id: string, amendment: Amendment): Promise<boolean>;
  attempt(id: string): Promise<Attempt | undefined>;
  /** The newest attempt that has ended. */
  lastAttempt(project: string, target: Target): Promise<Attempt | undefined>;
  /** Newest first, with empty ledgers. */
  attempts(filter: AttemptFilter): Promise<Attempt[]>;
  /** Copies a file into the store, durably; gives its sha256. The same bytes are kept once. On abort nothing stays. */
  putBlob(file: string, signal?: AbortSignal): Promise<string>;
  /** Where a blob lies. Pure; says nothing of whether it is there. */
  blobPath(sha256: string): string;
  /** The build number to assemble with first: that of the newest recorded build of this upstream version, else 1. */
  nextBuild(suite: string, name: string, upstream: string, architecture: Architecture | 'all'): Promise<number>;
  /** Records a package that shall be published. (suite, package, version, architecture) never changes its bytes. */
  recordPackage(row: PackageRecord): Promise<RecordResult>;
  /** Suites that hold or held a package. */
  suites(): Promise<string[]>;
  publishedRows(suite: string): Promise<SuiteContent>;
  /** Says that the index with all rows up to `change` is in place; gives the new generation number. */
  markPublished(suite: string, change: number): Promise<number>;
  /** Takes packages out of a suite's wanted content; gives the rows' names that were there. Publish afterwards. */
  removePackages(names: readonly string[], suite: string): Promise<string[]>;
  /** Those of the claims that clash with what another project has published first, in any suite, and that project. */
  otherOwners(claims: readonly string[], project: string): Promise<ReadonlyMap<string, string>>;
  /** What is remembered, by project, suite, kind and value. */
  hints(filter: HintFilter): Promise<RememberedHint[]>;
  /** Adds what is not there; the operator's word takes the place of what was learned. Gives what changed. */
  addHints(hints: readonly RememberedHint[]): Promise<RememberedHint[]>;
  /** Gives what was there. */
  removeHints(filter: HintFilter): Promise<RememberedHint[]>;
  /** Only one process at a time publishes a suite; `onWait` is told once when another one does. `fn`'s signal aborts when the lock is lost. */
  withPublishLock<T>(
    suite: string,
    onWait: (sentence: string) => void,
    fn: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
  /** Only one process at a time builds a project for a target; `onWait` is told once when another one does. */
  withBuildLock<T>(
    project: string,
    target: Target,
    onWait: (sentence: string) => void,
    fn: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
  /** Closes the connections; the server stays. Once more does nothing. */
  close(): Promise<void>;
}

/**
 * Opens the store of a state folder: prepares the folder, starts the private PostgreSQL when it does not run (it stays running),
 * migrates, recovers. Errors: `state-newer`, `state-unwritable`, `no-space`, `missing-tool`, `database-failed`. `signal` bounds the
 * opening and any later start of the server, not the queries: an attempt is ended after ^C too.
 */
export async function openStore(state: StateFolder, signal: AbortSignal): Promise<Store> {
  await prepareState(state, signal);
  const connector = await createConnector(state, signal);
  const database = createDatabase(connector.pool);
  try {
    return await connectStore(state, connector, database);
  } catch (error) {
    await connector.pool.end();
    throw databaseError(error);
  }
}

async function connectStore(state: StateFolder, connector: Connector, database: Database): Promise<Store> {
  await migrate(database);
  const recovery = {
    interrupted: await endInterrupted(database),
    unpublishedSuites: await unpublishedSuites(database),
  };
  let closing: Promise<void> | undefined;
  const turns = new Map<string, LimitFunction>();
  return {
    recovery,
    beginAttempt: (start) => guarded(beginAttempt(database, start)),
    endAttempt: (id, ending) => guarded(endAttempt(database, id, ending)),
    amendPublished: (id, amendment) => guarded(amendPublished(database, id, amendment)),
    attempt: (id) => guarded(findAttempt(database, id)),
    lastAttempt: (project, target) => guarded(lastAttempt(database, project, target)),
    attempts: (filter) => guarded(listAttempts(database, filter)),
    putBlob: (file, inner) => putBlob(state, file, inner),
    blobPath: (sha256) => blobPath(state, sha256),
    nextBuild: (suite, name, upstream, architecture) =>
      guarded(nextBuild(database, suite, name, upstream, architecture)),
    recordPackage: (row) => guarded(recordPackage(database, state, row)),
    suites: () => guarded(listSuites(database)),
    publishedRows: (suite) => guarded(publishedRows(database, suite)),
    markPublished: (suite, change) => guarded(markPublished(database, suite, change)),
    removePackages: (names, suite) => guarded(removePackages(database, names, suite)),
    otherOwners: (claims, project) => guarded(otherOwners(database, claims, project)),
    hints: (filter) => guarded(listHints(database, filter)),
    addHints: (hints) => guarded(addHints(database, hints)),
    removeHints: (filter) => guarded(removeHints(database, filter)),
    withPublishLock: (suite, onWait, fn, inner) => {
      const tell = (holder: string) => onWait(`Another Rennet (${holder}) publishes ${suite}; waiting for it.`);
      // Attempts of this process take turns without asking the database; what waits is no other Rennet.
      const turn = turns.get(suite) ?? pLimit(1);
      turns.set(suite, turn);
      return turn(() => withLock(connector, `rennet publish ${suite}`, tell, fn, inner));
    },
    withBuildLock: (project, target, onWait, fn, inner) => {
      const what = `${project} for ${formatTarget(target)}`;
      const tell = (holder: string) => onWait(`Another Rennet (${holder}) builds ${what}; waiting for it.`);
      return withLock(connector, `rennet build ${what}`, tell, fn, inner);
    },
    close: () => (closing ??= connector.pool.end()),
  };
}

async function guarded<T>(query: Promise<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw databaseError(error);
  }
}
