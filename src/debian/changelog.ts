/** A changelog with one entry (policy 4.4). `epoch` in seconds since 1970; each change is at most a line of 76 characters. */
export function changelogText(entry: {
  /** Of the source package. */
  readonly package: string;
  readonly version: string;
  readonly suite: string;
  readonly changes: readonly string[];
  readonly maintainer: string;
  readonly epoch: number;
}): string {
  // RFC 5322 with a numeric zone; toUTCString ends in GMT.
  const date = new Date(entry.epoch * 1000).toUTCString().replace('GMT', '+0000');
  const lines = entry.changes.map((line, index) => (index === 0 ? `  * ${line}` : `    ${line}`));
  return `${entry.package} (${entry.version}) ${entry.suite}; urgency=medium

${lines.join('\n')}

 -- ${entry.maintainer}  ${date}
`;
}
