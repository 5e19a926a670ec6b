import type { AdmittedFile } from '../model/evidence.ts';
import type { LedgerLine } from '../model/outcome.ts';
import type { CoreMetadata } from '../model/release.ts';

/** What assembling takes of an admitted wheel; the stage before gives an object that has it. */
export interface AdmittedTree {
  readonly files: readonly AdmittedFile[];
  /** Every path below /usr/bin. */
  readonly programs: readonly string[];
  readonly modules: readonly string[];
  readonly claims: readonly string[];
  readonly metadata: CoreMetadata;
  readonly licences: readonly { readonly name: string; readonly text: string }[];
  readonly hasElf: boolean;
  readonly pythonBound: 'none' | 'abi3' | 'abi';
  /** Relations on official packages that own the linked libraries. */
  readonly sharedLibraries: readonly string[];
  readonly ledger: readonly LedgerLine[];
}
