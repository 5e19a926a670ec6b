/** Lines up a table for people: all columns left, or those from the second on to the right. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  figures: 'left' | 'right' = 'left',
): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const cell = (text: string, column: number) =>
    column > 0 && figures === 'right' ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  const line = (cells: readonly string[]) => cells.map(cell).join('  ').trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
