import type { StateFolder } from '../model/state.ts';
import type { Architecture, Target } from '../model/target.ts';
import type {
  Attempt,
  AttemptEnding,
  AttemptFilter,
  AttemptStart,
  PackageRecord,
  RecordResult,
  Recovery,
  SuiteContent,
} from './records.ts';

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
  publishedRows(suite: string): Promise<SuiteContent>;
  /** Says that the index with all rows up to `change` is in place; gives the new generation number. */
  markPublished(suite: string, change: number): Promise<number>;
  /** Takes packages out of a suite's wanted content; gives the rows' names that were there. Publish afterwards. */
  removePackages(names: readonly string[], suite: string): Promise<string[]>;
  /** The project that published this module first, in any suite. */
  moduleOwner(path: string): Promise<string | undefined>;
  /** Only one process at a time publishes a suite. `fn`'s signal aborts when the lock is lost. */
  withPublishLock<T>(suite: string, fn: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Only one process at a time builds a project for a target; `onWait` is told once when another one does. */
  withBuildLock<T>(
    project: string,
    target: Target,
    onWait: (sentence: string) => void,
    fn: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
  close(): Promise<void>;
}

/** Opens the store of a state folder: prepares the folder, starts the private PostgreSQL when it does not run, migrates, recovers. */
export async function openStore(state: StateFolder, signal: AbortSignal): Promise<Store> {
  signal.throwIfAborted();
  throw new Error(`not there yet: ${state.root}`);
}
