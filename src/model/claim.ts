/*
 * A claim is what only one project may have: a module, with slashes and at the deepest level that is no namespace (`ftfy`,
 * `google/cloud/storage`), or the absolute path of a file that no module covers (`/usr/bin/ftfy`).
 */

/** Every name above a claim and itself: `a/b/c` gives `a`, `a/b`, `a/b/c`. */
export function namesAbove(claim: string): string[] {
  const parts = claim.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
