/** One link that a maintainer script would have update-alternatives(1) make. */
export interface Alternative {
  /** `/usr/lib/x86_64-linux-gnu/libblas.so.3` */
  readonly link: string;
  /** Name below /etc/alternatives. */
  readonly name: string;
  /** Where it leads. */
  readonly path: string;
  readonly priority: number;
}

/**
 * Reads `update-alternatives --install … [--slave …]` out of a postinst, as far as its arguments are plain words. Layers are unpacked without running
 * maintainer scripts; of all that these do, this is what a library is useless without (NumPy does not import without the libblas.so.3 link).
 */
export function readAlternatives(script: string): Alternative[] {
  const found: Alternative[] = [];
  for (const line of script.replaceAll(/\\\n/g, ' ').split(/[\n;]/)) {
    const words = line.trim().split(/\s+/).map(unquote);
    const start = words.indexOf('--install');
    if (start < 1 || !words.slice(0, start).some((word) => /(?:^|\/)update-alternatives$/.test(word))) continue;
    const [link = '', name = '', path = '', priority = ''] = words.slice(start + 1);
    add(found, link, name, path, Number(priority));
    words.forEach((word, index) => {
      if (word !== '--slave') return;
      const [slaveLink = '', slaveName = '', slavePath = ''] = words.slice(index + 1);
      add(found, slaveLink, slaveName, slavePath, Number(priority));
    });
  }
  return found;
}

function unquote(word: string): string {
  return word.replace(/^(["'])(.*)\1$/, '$2');
}

function add(found: Alternative[], link: string, name: string, path: string, priority: number): void {
  const isPlain = [link, path].every((place) => /^\/[\w./+@:-]+$/.test(place) && !place.includes('/../'));
  if (isPlain && /^[\w.+:-]+$/.test(name) && !name.startsWith('.') && Number.isInteger(priority)) {
    found.push({ link, name, path, priority });
  }
}
