/** PEP 503: lower case, runs of `-`, `_` and `.` become one `-`. Applies to extras too (PEP 685). */
export function normaliseProject(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}

/** True for the names that core metadata allows: ASCII letters, digits and inner `-`, `_`, `.`; at most 200 characters. */
export function isProjectName(name: string): boolean {
  return name.length <= 200 && /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name);
}
