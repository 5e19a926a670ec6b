import { isHomepage } from '../debian/control.ts';
import type { CoreMetadata } from '../model/release.ts';

/** Labels of Project-URL that mean a page about the project, best first ("Well-known labels", packaging.python.org). */
const LABELS = ['homepage', 'source', 'repository', 'sourcecode', 'github', 'documentation', 'docs'];

/** The first address that may stand in the Homepage field; Home-page before Project-URL. */
export function homepageOf(metadata: CoreMetadata): string | undefined {
  const byLabel = (label: string) =>
    metadata.projectUrls
      .filter((entry) => entry.label.toLowerCase().replace(/[^a-z]/g, '') === label)
      .map(({ url }) => url);
  return [metadata.homePage ?? '', ...LABELS.flatMap(byLabel)].find((url) => isHomepage(url));
}
