/** Two circles whose areas, and whose common area, are in proportion to three numbers. */

const WIDTH = 200;
const MAX_RADIUS = 42;
const MIN_RADIUS = 2;

export interface Circle {
  x: number;
  r: number;
}

export function layCircles(first: number, second: number, both: number): { one: Circle; other: Circle } {
  const largest = Math.max(first, second, 1);
  const size = (number: number) => (number ? Math.max(MIN_RADIUS, MAX_RADIUS * Math.sqrt(number / largest)) : 0);
  const [r, s] = [size(first), size(second)];
  const perUnit = (Math.PI * MAX_RADIUS ** 2) / largest;
  const distance = findDistance(r, s, both * perUnit, both, Math.min(first, second));
  const left = (WIDTH - (r + distance + s)) / 2;
  // One circle inside the other has its middle, not its edge, as the measure.
  const x = distance + s < r ? WIDTH / 2 : left + r;
  return { one: { x, r }, other: { x: x + distance, r: s } };
}

function findDistance(r: number, s: number, area: number, both: number, smaller: number): number {
  if (!both) return r + s + 4;
  if (both >= smaller) return Math.abs(r - s) * 0.85;
  let [near, far] = [Math.abs(r - s), r + s];
  for (let step = 0; step < 40; step += 1) {
    const middle = (near + far) / 2;
    if (lensArea(r, s, middle) > area) near = middle;
    else far = middle;
  }
  return (near + far) / 2;
}

export function lensArea(r: number, s: number, distance: number): number {
  if (distance >= r + s) return 0;
  if (distance <= Math.abs(r - s)) return Math.PI * Math.min(r, s) ** 2;
  const angle = (own: number, its: number) => Math.acos((distance ** 2 + own ** 2 - its ** 2) / (2 * distance * own));
  const triangles = Math.sqrt((-distance + r + s) * (distance + r - s) * (distance - r + s) * (distance + r + s));
  return r ** 2 * angle(r, s) + s ** 2 * angle(s, r) - triangles / 2;
}
