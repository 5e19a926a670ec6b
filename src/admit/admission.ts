import type { AdmittedFile } from '../model/evidence.ts';
import type { LedgerLine } from '../model/outcome.ts';
import type { CoreMetadata } from '../model/release.ts';
import type { ArchiveIndex } from '../debian/archive-index.ts';
import type { ScriptEntryPoint } from '../python/entry-points.ts';

/** What one ELF file says of itself. */
export interface AdmittedElf {
  readonly path: string;
  readonly soname?: string;
  readonly needed: readonly string[];
}

/**
 * How far the package is bound to one Python: `none` (no extension module), `abi3` (stable ABI, open upwards)
 * or `abi` (good for the target's minor version only).
 */
export type PythonBound = 'none' | 'abi3' | 'abi';

/** A licence text that the wheel carries. */
interface LicenceText {
  /** Path below the wheel's dist-info. */
  readonly name: string;
  /** At most 64 KiB of it, decoded with replacement; hostile. */
  readonly text: string;
}

/** What passed every rule. */
export interface Admitted {
  readonly admitted: true;
  /** Sorted by path. */
  readonly files: readonly AdmittedFile[];
  /** Launchers that Rennet wrote; their files are in `files`. */
  readonly scripts: readonly ScriptEntryPoint[];
  /** Every path below /usr/bin, launchers and scripts of the wheel. */
  readonly programs: readonly string[];
  /** What the check imports, dotted. */
  readonly modules: readonly string[];
  /** For the record of who published them first; see model/claim.ts. */
  readonly claims: readonly string[];
  readonly metadata: CoreMetadata;
  readonly licences: readonly LicenceText[];
  readonly hasElf: boolean;
  readonly elf: readonly AdmittedElf[];
  readonly pythonBound: PythonBound;
  /** Relations on official packages that own the linked libraries, as the guest found them; each was looked up. */
  readonly sharedLibraries: readonly string[];
  readonly ledger: readonly LedgerLine[];
}

/** The rule that stopped a wheel. */
export interface Refused {
  readonly admitted: false;
  readonly outcome: 'rejected' | 'held';
  readonly rule: string;
  readonly sentence: string;
  readonly ledger: readonly LedgerLine[];
}

export type Admission = Admitted | Refused;

/** What the rules ask of the suite; answered from its Packages and Contents indexes. */
export type OfficialNames = Pick<
  ArchiveIndex,
  'stdlibModules' | 'moduleOwner' | 'programOwner' | 'fileOwner' | 'hasPackage' | 'isNamespace'
>;

/** What Rennet has published before. */
export interface PublishedNames {
  /** Those of the claims (model/claim.ts) that clash with what another project has published first, and that project. */
  otherOwners(claims: readonly string[], project: string): Promise<ReadonlyMap<string, string>>;
}

export interface AdmitPorts {
  readonly official: OfficialNames;
  readonly published: PublishedNames;
  /** Existing folder of this attempt; a fresh folder is made below it and the admitted content stays there. */
  readonly folder: string;
}
