/** Named test cards from a JSON file, so that nobody types tracks: `swipe blue`. */
import { maskPan, PosError, parseTrack1, parseTrack2 } from '../../protocol/index.ts';

export interface TestCard {
  readonly name: string;
  readonly zh: string;
  readonly track2: string;
  readonly track1: string | undefined;
  readonly panMasked: string;
}

/**
 * Reads `{ "blue": { "zh": "蓝卡", "track2": "…=…", "track1": "B…^…^…" }, … }`; zh and track1 may be missing.
 *
 * @throws CONFIG_BAD naming the card and what is wrong, never the track
 */
export function readTestCards(json: string): ReadonlyMap<string, TestCard> {
  const cards = new Map<string, TestCard>();
  for (const [name, value] of Object.entries(objectOf(parse(json), 'the file'))) {
    const card = objectOf(value, `card ${name}`);
    const track2 = textOf(card['track2'], `card ${name}: track2`);
    const track1 = card['track1'] === undefined ? undefined : textOf(card['track1'], `card ${name}: track1`);
    const zh = card['zh'] === undefined ? name : textOf(card['zh'], `card ${name}: zh`);
    cards.set(name, { name, zh, track2, track1, panMasked: maskOf(name, track2, track1) });
  }
  return cards;
}

function maskOf(name: string, track2: string, track1: string | undefined): string {
  try {
    if (track1 !== undefined) parseTrack1(track1);
    return maskPan(parseTrack2(track2).pan);
  } catch (cause) {
    if (!(cause instanceof PosError)) throw cause;
    throw new PosError('CONFIG_BAD', `card ${name}: ${cause.detail}`, { cause });
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new PosError('CONFIG_BAD', 'the card file is not JSON');
  }
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new PosError('CONFIG_BAD', `${what} is not a JSON object`);
}

function textOf(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new PosError('CONFIG_BAD', `${what} is not a text`);
}
