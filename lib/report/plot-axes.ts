/** What stands at the axes of the drawings: whole numbers, stretches of sleep, and names that fit. */

/** Characters of a name beside a bar. */
const LONGEST_NAME = 18;

/** At most about `most` whole numbers, evenly. */
export function wholeTicks(from: number, to: number, most = 10): number[] {
  const raw = Math.max(1, (to - from) / most);
  const power = 10 ** Math.floor(Math.log10(raw));
  const distance = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= raw)!;
  const first = Math.ceil(from / distance) * distance;
  return Array.from({ length: Math.floor((to - first) / distance) + 1 }, (_, i) => first + i * distance);
}

export const short = (name: string): string => (name.length > LONGEST_NAME ? `…${name.slice(1 - LONGEST_NAME)}` : name);

/** Where names are too long to be shown, the words that all share at either end are left out: they tell none from another. */
export function labelsOf(names: readonly string[]): string[] {
  if (new Set(names).size < 2 || names.every((name) => name.length <= LONGEST_NAME)) return names.map(short);
  const start = sharedStart(names).replace(/[^:/._-]*$/, '').length;
  const rests = names.map((name) => name.slice(start));
  const end = reversed(sharedStart(rests.map(reversed))).replace(/^[^:/._-]*/, '').length;
  return rests.map((rest) => short(rest.slice(0, rest.length - end) || rest));
}

function sharedStart([first = '', ...others]: readonly string[]): string {
  let n = 0;
  while (n < first.length && others.every((name) => name[n] === first[n])) n++;
  return first.slice(0, n);
}

const reversed = (text: string): string => [...text].reverse().join('');

/** Room for labels at the left, in units of the drawing. */
export const marginOf = (labels: readonly string[]): number =>
  16 + 7 * Math.max(...labels.map((label) => label.length));

/** Steps `from` (before the first) `to` (through the last) of each stretch of sleep. */
export function sleepPhases(points: readonly { step: number; asleep: boolean }[]): { from: number; to: number }[] {
  const phases: { from: number; to: number }[] = [];
  for (const { step, asleep } of points) {
    const last = phases.at(-1);
    if (!asleep) continue;
    if (last?.to === step - 0.5) last.to = step + 0.5;
    else phases.push({ from: step - 0.5, to: step + 0.5 });
  }
  return phases;
}
