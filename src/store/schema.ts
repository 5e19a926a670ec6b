import { CamelCasePlugin, type Generated, type JSONColumnType, Kysely, PostgresDialect } from 'kysely';
import type { RememberedHint } from '../model/hint.ts';
import type { Connector } from './connection.ts';

type Json = JSONColumnType<Record<string, unknown>, string | undefined>;

/** Columns in camelCase here, in snake_case in the database; see migrations.ts for what they mean. */
interface AttemptTable {
  id: string;
  project: string;
  version: string;
  suite: string;
  architecture: string;
  driver: string | null;
  reset: string | null;
  isolation: string | null;
  outcome: string | null;
  class: string | null;
  rule: string | null;
  limit: string | null;
  sentence: Generated<string>;
  logLine: string | null;
  package: string | null;
  packageVersion: string | null;
  deb: string | null;
  log: string | null;
  evidence: Json;
  timingsMs: Json;
  provenance: Json;
  owner: string;
  startedAt: Generated<Date>;
  endedAt: Date | null;
}

interface LedgerTable {
  attempt: string;
  line: number;
  kind: string;
  fact: string;
  fate: string;
  detail: string;
}

interface SuiteTable {
  suite: string;
  generation: Generated<number>;
  /** Counts recorded and removed packages; what the index holds is `publishedChange`. */
  wantedChange: Generated<number>;
  publishedChange: Generated<number>;
}

interface PackageTable {
  suite: string;
  package: string;
  version: string;
  architecture: string;
  project: string;
  upstream: string;
  build: number;
  control: string;
  sha256: string;
  bytes: number;
  pool: string;
  attempt: string;
  change: number;
  publishedAt: Date | null;
  removedAt: Date | null;
}

interface ClaimTable {
  claim: string;
  project: string;
}

interface HintTable {
  project: string;
  suite: string;
  kind: RememberedHint['kind'];
  value: string;
  origin: RememberedHint['origin'];
  version: string;
  reason: string;
}

interface Tables {
  attempts: AttemptTable;
  ledger: LedgerTable;
  suites: SuiteTable;
  packages: PackageTable;
  packageClaims: ClaimTable;
  hints: HintTable;
}

export type Database = Kysely<Tables>;

export function createDatabase(pool: Connector['pool']): Database {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
}
