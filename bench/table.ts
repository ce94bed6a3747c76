/** Aligned columns under a title: the first to the left, the others to the right. */
export function table(title: string, head: readonly string[], rows: readonly (string | number)[][]): string {
  const lines = [head, ...rows].map((line) => line.map(String));
  const widths = head.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const aligned = lines.map((line) =>
    line
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  return [title, ...aligned].join('\n');
}
