/** Architectures by their Debian names. */
export const ARCHITECTURES = ['amd64', 'arm64', 'i386'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

export function isArchitecture(text: string): text is Architecture {
  return (ARCHITECTURES as readonly string[]).includes(text);
}

/** What a guest's machine is: an amd64 kernel runs an i386 root, and Debian has no cloud kernel for i386. */
export type MachineArchitecture = Exclude<Architecture, 'i386'>;

export function machineArchitecture({ architecture }: Pick<Target, 'architecture'>): MachineArchitecture {
  return architecture === 'i386' ? 'amd64' : architecture;
}

/** One suite on one architecture; its Python version follows from the suite. Written `bookworm/amd64`. */
export interface Target {
  readonly suite: string;
  readonly architecture: Architecture;
}

/** What the suite's archive says of a target; markers, versions and relations are computed from it. */
export interface TargetFacts extends Target {
  /** `3.11`: what `python3` runs there. */
  readonly python: string;
  /** `3.11.2`: the full version, for `python_full_version`. */
  readonly pythonFull: string;
  /** `deb12`, `deb13`, `debsid`, `ubuntu24.04`: goes into package versions, because codenames do not sort. */
  readonly suiteTag: string;
}

/** Writes a target as people type it. */
export function formatTarget(target: Target): string {
  return `${target.suite}/${target.architecture}`;
}
