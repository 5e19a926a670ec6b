/**
 * What a build looked for and did not find. `component`: a name that stands for a package of CMake, a pkg-config module, a
 * library or a header, as the one who wrote the message liked; `shared-library`: a file name such as `libpq.so.5`.
 */
export type MissingKind = 'header' | 'pkg-config' | 'library' | 'shared-library' | 'component' | 'program' | 'module';

export interface Missing {
  readonly kind: MissingKind;
  /** As the log has it; hostile, but without control characters. */
  readonly name: string;
}

const WORDS: Record<MissingKind, string> = {
  header: 'header',
  'pkg-config': 'pkg-config module',
  library: 'library',
  'shared-library': 'library',
  component: 'library',
  program: 'program',
  module: 'Python module',
};

/** `header gmp.h` */
export function describeMissing({ kind, name }: Missing): string {
  return `${WORDS[kind]} ${name}`;
}
