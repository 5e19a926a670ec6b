/** Whose fault an error is; decides the exit status: user 2, package 1, infrastructure 3. */
export type ErrorKind = 'user' | 'package' | 'infrastructure';

interface CatalogueEntry {
  readonly kind: ErrorKind;
  /** True when the same call may succeed later without anyone doing anything. */
  readonly retry: boolean;
}

/** Every error that Rennet raises on purpose. Nobody matches on message text; match on the code. */
export const ERROR_CATALOGUE = {
  // the person who typed
  'bad-usage': { kind: 'user', retry: false },
  'bad-target': { kind: 'user', retry: false },
  'bad-specifier': { kind: 'user', retry: false },
  'unknown-attempt': { kind: 'user', retry: false },
  'attempt-ended': { kind: 'infrastructure', retry: false },
  'unknown-package': { kind: 'user', retry: false },
  'not-isolated': { kind: 'user', retry: false },
  // the release or its index entry
  'unknown-project': { kind: 'package', retry: false },
  'unknown-version': { kind: 'package', retry: false },
  'wrong-hash': { kind: 'package', retry: false },
  'bad-metadata': { kind: 'package', retry: false },
  'bad-archive': { kind: 'package', retry: false },
  'unmappable-version': { kind: 'package', retry: false },
  'bad-deb822': { kind: 'package', retry: false },
  // the index, the mirror and the network
  'index-unreachable': { kind: 'infrastructure', retry: true },
  'index-refused': { kind: 'infrastructure', retry: false },
  'bad-index-page': { kind: 'infrastructure', retry: false },
  'index-failed': { kind: 'infrastructure', retry: true },
  'download-truncated': { kind: 'infrastructure', retry: true },
  'too-large': { kind: 'package', retry: false },
  'mirror-failed': { kind: 'infrastructure', retry: true },
  'bad-signature': { kind: 'infrastructure', retry: false },
  'unmet-relations': { kind: 'package', retry: false },
  // this host
  'missing-tool': { kind: 'infrastructure', retry: false },
  'no-space': { kind: 'infrastructure', retry: false },
  'no-memory': { kind: 'infrastructure', retry: false },
  'kvm-broken': { kind: 'infrastructure', retry: false },
  'kvm-missing': { kind: 'infrastructure', retry: false },
  'no-isolation': { kind: 'infrastructure', retry: false },
  'image-failed': { kind: 'infrastructure', retry: true },
  'template-failed': { kind: 'infrastructure', retry: true },
  'boot-failed': { kind: 'infrastructure', retry: true },
  'guest-refused': { kind: 'infrastructure', retry: true },
  'state-newer': { kind: 'infrastructure', retry: false },
  'state-unwritable': { kind: 'infrastructure', retry: false },
  'database-failed': { kind: 'infrastructure', retry: true },
  'signing-failed': { kind: 'infrastructure', retry: false },
  'publish-refused': { kind: 'infrastructure', retry: false },
  cancelled: { kind: 'infrastructure', retry: false },
  defect: { kind: 'infrastructure', retry: false },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** The one error class of Rennet: a code for programs, a sentence and a hint for people. */
export class RennetError extends Error {
  readonly code: ErrorCode;
  /** What to do next; empty where the sentence says it already. */
  readonly hint: string;

  constructor(code: ErrorCode, sentence: string, hint = '', options?: { cause?: unknown }) {
    super(sentence, options);
    this.name = 'RennetError';
    this.code = code;
    this.hint = hint;
  }

  get kind(): ErrorKind {
    return ERROR_CATALOGUE[this.code].kind;
  }

  get retry(): boolean {
    return ERROR_CATALOGUE[this.code].retry;
  }
}
