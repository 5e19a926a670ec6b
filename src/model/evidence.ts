import type { Recipe } from './recipe.ts';

/** A file that passed admission; content lies in a file of the host. */
export interface AdmittedFile {
  /** Absolute path in the package, e.g. `/usr/lib/python3/dist-packages/six.py`. */
  readonly path: string;
  readonly mode: 0o644 | 0o755;
  readonly bytes: number;
  readonly sha256: string;
  /** Host file with the content. */
  readonly content: string;
}

/** Facts of a build that only the guest could find out; checked by the host where it can. */
export interface BuildFacts {
  /** Debian packages that own the shared libraries each extension links to, e.g. `libc6 (>= 2.34)`. */
  readonly sharedLibraries: readonly string[];
  /** Extra build requirements that the hook asked for. */
  readonly hookRequirements: readonly string[];
}

/** What the sdist held that was built, as far as the check asks for it. */
export interface BuiltSources {
  /** Its one top folder. */
  readonly top: string;
  /** Without the top folder. */
  readonly files: readonly string[];
  readonly extensionSources: readonly string[];
  readonly declaresExtension: boolean;
}

/** What a build gave, read after the guest is dead. */
export interface Evidence {
  readonly recipe: Recipe;
  /** Host path of the wheel, as it came (hostile bytes). */
  readonly wheel: string;
  readonly wheelName: string;
  readonly facts: BuildFacts;
  /** Absent where no sdist was built. */
  readonly sources?: BuiltSources;
}
