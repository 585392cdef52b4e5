/**
 * DE37, the host's reference numbers, and DE38, its authorisation codes.
 *
 * A reference number is twelve digits: two name the host process, ten count. It is never used twice,
 * so the counter is drawn from the database in blocks: a block is marked as used, durably, before
 * its first number is given. A restart skips what was left of the block; the gap is harmless.
 */
import { encodeTime } from 'ulid';
import { ensure, PosError } from '../../protocol/index.ts';
import type { Random } from '../clock.ts';
import type { StorePort } from '../store/port.ts';

const BLOCK_NUMBERS = 100_000;
/** The next block is drawn in the background when this many are left. */
const REFILL_AT = 50_000;
/** Others that draw at the same moment are few. */
const DRAW_ATTEMPTS_MAX = 8;
const COUNT_MAX = 9_999_999_999;
/** Crockford base 32: no I, L, O, U, which are misread on a slip. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export interface ReferenceNumbers {
  /** The next DE37. Throws STORE_FAILED when the block is used up and no other could be drawn. */
  next(): string;
  /** A ULID for a transaction or an entry: later ones sort behind, within this process. @param now UTC ms */
  nextId(now: number): string;
}

/**
 * @param stream two digits, one for each host process that works on the same database
 */
export async function openReferenceNumbers(
  store: StorePort,
  stream: string,
  random: Random,
): Promise<ReferenceNumbers> {
  ensure(/^\d\d$/.test(stream), 'a reference number stream is two digits');
  const counter = `rrn:${stream}`;
  const { rrn } = await store.highest();
  const inUse = rrn?.startsWith(stream) === true ? Number(rrn.slice(2)) : 0;
  const drawn = (await store.read({ counters: [counter] })).counters.get(counter) ?? 0;

  let block = await drawBlock(Math.max(0, inUse - drawn));
  let following: Block | null = null;
  let drawing = false;

  /**
   * The maximum is the value just read plus the block: whoever drew in between, in another process with the
   * same stream, makes it fail, and the block is drawn anew. So no number is ever in two blocks.
   */
  async function drawBlock(skip: number): Promise<Block> {
    for (let attempt = 0; attempt < DRAW_ATTEMPTS_MAX; attempt += 1) {
      const before = (await store.read({ counters: [counter] })).counters.get(counter) ?? 0;
      const add = skip + BLOCK_NUMBERS;
      ensure(before + add <= COUNT_MAX, `the reference numbers of stream ${stream} are used up`);
      const guard = { kind: 'counter', counter, add, max: before + add } as const;
      const [outcome] = await store.commit([{ guards: [guard], changes: {}, journal: [] }]);
      if (outcome?.committed === true) return { next: before + skip + 1, last: before + add };
    }
    throw new PosError('STORE_CONFLICT', `no block of reference numbers could be drawn for stream ${stream}`);
  }

  function drawAhead(): void {
    if (drawing || following !== null) return;
    drawing = true;
    drawBlock(0)
      .then((drawnBlock) => {
        following = drawnBlock;
      })
      // The database is in trouble: every commit says so, and the next number tries again.
      .catch(() => undefined)
      .finally(() => {
        drawing = false;
      });
  }

  return {
    nextId: ulids(random),
    next() {
      if (block.last - block.next < REFILL_AT) drawAhead();
      if (block.next > block.last) {
        if (following === null) throw new PosError('STORE_FAILED', 'no reference number is left');
        block = following;
        following = null;
      }
      const count = block.next;
      block.next += 1;
      return stream + String(count).padStart(10, '0');
    },
  };
}

/** A ULID's random part is two numbers of 40 bits, eight characters each. */
const HALF_BYTES = 5;
const HALF_MAX = 2 ** 40 - 1;
/** The machine is asked for many at once, which costs hardly more than one. */
const HALVES_DRAWN = 512;

/**
 * ULIDs that count up within a millisecond, and while the clock goes back. The package that has them too spells all
 * of each anew, by the character; here what two have in common is spelled once.
 */
function ulids(random: Random): (now: number) => string {
  let drawn: Buffer = Buffer.alloc(0);
  let at = 0;
  function half(): number {
    if (at === drawn.length) {
      drawn = random.bytes(HALF_BYTES * HALVES_DRAWN);
      at = 0;
    }
    at += HALF_BYTES;
    return drawn.readUIntBE(at - HALF_BYTES, HALF_BYTES);
  }

  let time = 0;
  let high = 0;
  let low = 0;
  /** All but the last eight characters. */
  let head = '';
  return (now) => {
    if (now > time) {
      time = now;
      high = half();
      low = half();
      head = encodeTime(time) + eightCharacters(high);
    } else if (low < HALF_MAX) low += 1;
    else {
      ensure(high < HALF_MAX, 'a millisecond has no more ULIDs');
      high += 1;
      low = 0;
      head = encodeTime(time) + eightCharacters(high);
    }
    return head + eightCharacters(low);
  };
}

/** Of a number of 40 bits. */
function eightCharacters(count: number): string {
  const high = Math.floor(count / 2 ** 20);
  const low = count % 2 ** 20;
  return `${PAIRS[high >> 10]}${PAIRS[high & 0x3ff]}${PAIRS[low >> 10]}${PAIRS[low & 0x3ff]}`;
}

interface Block {
  next: number;
  readonly last: number;
}

/**
 * DE38 from DE37: six characters. Two approvals of one host share a code only a thousand million
 * approvals apart; an original is found by code, merchant and account together.
 */
export function authorisationCode(rrn: string): string {
  let rest = 0;
  for (let at = 2; at < rrn.length; at += 1) rest = rest * 10 + (rrn.charCodeAt(at) - 0x30);
  rest %= 32 ** 6;
  const last = rest & 0x3ff;
  const middle = (rest >> 10) & 0x3ff;
  return `${PAIRS[rest >> 20]}${PAIRS[middle]}${PAIRS[last]}`;
}

/** All pairs of the alphabet's characters, in the order of what they count. */
const PAIRS: readonly string[] = [...ALPHABET].flatMap((high) => [...ALPHABET].map((low) => high + low));
