interface VersionParts {
  readonly epoch: string;
  readonly upstream: string;
  readonly revision: string;
}

/**
 * Orders two Debian versions exactly as dpkg does (Debian policy 5.6.12, deb-version(7)); -1 means `a` is older.
 * Total: text that is no version is compared by the same algorithm and never throws; ask isDebianVersion first.
 */
export function compareDebianVersions(a: string, b: string): -1 | 0 | 1 {
  if (a === b) return 0;
  const left = splitVersion(a);
  const right = splitVersion(b);
  const order =
    compareDigits(left.epoch, right.epoch) ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

/** True for text that dpkg takes as a version without error or warning: `[epoch:]upstream[-revision]`. */
export function isDebianVersion(text: string): boolean {
  const match = /^(?:(\d+):)?(\d[A-Za-z0-9.+~:-]*)$/.exec(text);
  if (!match) return false;
  const [, epoch, rest = ''] = match;
  // dpkg reads the epoch as a C int.
  if (epoch !== undefined && Number(epoch) > 2_147_483_647) return false;
  if (epoch === undefined && rest.includes(':')) return false;
  const dash = rest.lastIndexOf('-');
  return dash < 0 || /^[A-Za-z0-9.+~]+$/.test(rest.slice(dash + 1));
}

/** Cuts at the first colon and the last hyphen, as dpkg does. */
export function splitVersion(text: string): VersionParts {
  const colon = text.indexOf(':');
  const rest = text.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? '' : text.slice(0, colon),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

/** dpkg's verrevcmp: runs of non-digits by the order of `weight`, then runs of digits by value, in turn. */
function comparePart(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
      const order = weight(a, i) - weight(b, j);
      if (order !== 0) return order;
      i++;
      j++;
    }
    const startA = i;
    const startB = j;
    while (isDigit(a, i)) i++;
    while (isDigit(b, j)) j++;
    const order = compareDigits(a.slice(startA, i), b.slice(startB, j));
    if (order !== 0) return order;
  }
  return 0;
}

/** Compares runs of digits by value, of any length: no number type holds a 40-digit date stamp. */
function compareDigits(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : left > right ? 1 : 0;
}

function isDigit(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 48 && code <= 57;
}

/** `~` before the end, the end (or a digit) before letters, letters before everything else. */
function weight(text: string, index: number): number {
  if (index >= text.length || isDigit(text, index)) return 0;
  const code = text.charCodeAt(index);
  if (code === 126) return -1;
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isLetter ? code : code + 256;
}
