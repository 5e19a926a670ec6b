/** A changelog with one entry (policy 4.4). `epoch` in seconds since 1970. */
export function changelogText(entry: {
  readonly package: string;
  readonly version: string;
  readonly suite: string;
  readonly project: string;
  readonly release: string;
  readonly maintainer: string;
  readonly epoch: number;
}): string {
  // RFC 5322 with a numeric zone; toUTCString ends in GMT.
  const date = new Date(entry.epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `${entry.package} (${entry.version}) ${entry.suite}; urgency=medium

  * Built automatically from release ${entry.release} of the project
    ${entry.project} on PyPI by Rennet.

 -- ${entry.maintainer}  ${date}
`;
}
