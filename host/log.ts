/**
 * The log, and the one place where it is cleaned: every line passes `cleanLine` as finished text, just
 * before it is written, whichever way a value came into it (message, object, child, error, cause, stack). The one
 * exception is here too: the line of an answer, in whose shape nothing secret fits (`answeredLine`).
 *
 * The first rule stays that nobody logs secrets. This is the net under it.
 */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { isLuhnValid, maskPan } from '../protocol/index.ts';

export interface LogOptions {
  readonly level: string;
  /** Where lines go; standard output when it is not given. */
  readonly destination?: DestinationStream;
  /** The member that says when, as pino's time functions give it; ISO 8601 with milliseconds when it is not given. */
  readonly time?: () => string;
}

export function openLog(options: LogOptions): PinoLogger {
  const destination = options.destination ?? pino.destination();
  const time = options.time ?? pino.stdTimeFunctions.isoTime;
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: time,
      hooks: {
        streamWrite: cleanLine,
        // Asked for what is logged at all; a child's line begins with more.
        logMethod(args, method, level) {
          const [about, text]: readonly unknown[] = args;
          const line =
            text === ANSWERED && level === INFO && this === log ? answeredLine(about, time()) : null;
          if (line === null) method.apply(this, args);
          else destination.write(line);
        },
      },
    },
    destination,
  );
  return log;
}

const URGENT = '4';
const FATAL = '6';

/**
 * Whether a finished line is a warning or an error: pino begins a line with its level, `{"level":40`. What is fatal is
 * not among them: pino itself writes it out before it goes on, and a write that we began would be in its way.
 */
export function isUrgent(line: string): boolean {
  const level = line.charAt('{"level":'.length);
  return level >= URGENT && level < FATAL;
}

const INFO = pino.levels.values['info'];

/** The text of the line that says what was answered; handle-frame.ts writes it. */
export const ANSWERED = 'answered';

/** The shapes of its texts: nothing secret fits in, for a card number has 13 digits in a row. */
// biome-ignore format: a table is read by column
const SHAPES = {
  ut:            /^(?!.*\d{13})[0-9A-Za-z]{26}$/,
  transactionId: /^(?!.*\d{13})[0-9A-Z]{26}$/,
  rrn:           /^\d{12}$/,
  terminal:      /^[0-9A-Za-z]{8}$/,
  trace:         /^\d{6}$/,
  kind:          /^[A-Za-z]{1,30}$/,
  code:          /^[0-9A-Z]{2}$/,
} as const;

/** What the line says, in its order. */
export interface AnsweredMembers {
  readonly ut: string | null;
  readonly transactionId: string | null;
  readonly rrn: string | null;
  readonly terminal: string;
  readonly batch: number;
  readonly trace: string;
  readonly kind: string | null;
  readonly code: string;
  readonly ms: number;
}
const MEMBERS = 9;

/**
 * That line as pino would write it. It is the one line that every transaction writes, and as each of its members has
 * a shape in which nothing secret fits, it needs neither pino's look at every member nor the cleaning.
 *
 * @param time `,"time":"…"`, as pino's time functions give it
 * @returns null where a member is missing, surplus or of another shape: then it is a line like any other
 */
export function answeredLine(about: unknown, time: string): string | null {
  if (typeof about !== 'object' || about === null || Object.keys(about).length !== MEMBERS) return null;
  const { ut, transactionId, rrn, terminal, batch, trace, kind, code, ms } = about as AnsweredMembers;
  const isRight =
    (ut === null || isText(ut, SHAPES.ut)) &&
    (transactionId === null || isText(transactionId, SHAPES.transactionId)) &&
    (rrn === null || isText(rrn, SHAPES.rrn)) &&
    isText(terminal, SHAPES.terminal) &&
    Number.isInteger(batch) &&
    batch >= 0 &&
    batch < 1e6 &&
    isText(trace, SHAPES.trace) &&
    (kind === null || isText(kind, SHAPES.kind)) &&
    isText(code, SHAPES.code) &&
    ms >= 0 &&
    ms < 1e9 &&
    isRounded(ms);
  if (!isRight) return null;
  return (
    `{"level":${INFO}${time},"ut":${quoted(ut)},"transactionId":${quoted(transactionId)},"rrn":${quoted(rrn)},` +
    `"terminal":"${terminal}","batch":${batch},"trace":"${trace}","kind":${quoted(kind)},"code":"${code}",` +
    `"ms":${ms},"msg":"${ANSWERED}"}\n`
  );
}

function isText(value: unknown, shape: RegExp): boolean {
  return typeof value === 'string' && shape.test(value);
}

/** Whether it is written with three decimals at most. */
function isRounded(ms: number): boolean {
  return Math.round(ms * 1000) / 1000 === ms;
}

/** A text that needs no escape. */
function quoted(text: string | null): string {
  return text === null ? 'null' : `"${text}"`;
}

const HIDDEN = '[隐去 hidden]';

/** Members whose value is never shown, whatever it looks like. Compared in lower case without `-` and `_`. */
// biome-ignore format: a table is read by column
const HIDDEN_MEMBERS = new Set([
  'pan', 'cardnumber', 'card', 'de2', 'de14', 'expiry',
  'track', 'track1', 'track2', 'track3', 'de35', 'de36', 'de45', 'discretionary', 'packed',
  'pin', 'pinblock', 'pindigits', 'de52', 'newpin', 'oldpin', 'cvn', 'cvv', 'pinreference', 'offset3624',
  'key', 'keys', 'tmk', 'pik', 'mak', 'tdk', 'component', 'components', 'de62', 'sealed', 'pansealed',
  'passphrase', 'vaultpassphrase', 'token', 'authorization', 'authorisation', 'cookie', 'password',
  'identity', 'idnumber', 'phone',
]);

/** Members that are long hexadecimal or digits by nature and say nothing secret. */
// biome-ignore format: a table is read by column
const OPEN_MEMBERS = new Set([
  'time', 'at', 'head', 'leaf', 'sha256', 'fingerprint', 'rrn', 'checkvalue', 'transactionid', 'entryid',
  'merchantid', 'reqid', 'commit', 'ut',
]);

/** One finished line of the log, cleaned. A line that is not JSON is cleaned as text. */
export function cleanLine(line: string): string {
  try {
    return `${JSON.stringify(clean('', JSON.parse(line)))}\n`;
  } catch {
    return cleanText(line);
  }
}

function clean(member: string, value: unknown): unknown {
  const name = member.toLowerCase().replaceAll(/[-_]/g, '');
  if (HIDDEN_MEMBERS.has(name) && value !== null) return HIDDEN;
  if (typeof value === 'string') return OPEN_MEMBERS.has(name) ? value : cleanText(value);
  // A card number that came as a number: 13 to 16 digits are still exact.
  if (typeof value === 'number')
    return OPEN_MEMBERS.has(name) || !isCardNumber(String(value)) ? value : HIDDEN;
  if (Array.isArray(value)) {
    // Bytes that were listed one by one, as JSON shows a buffer.
    const bytes =
      value.length >= 8 && value.every((item) => Number.isInteger(item) && item >= 0 && item <= 255);
    return bytes ? HIDDEN : value.map((item) => clean('', item));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => [cleanText(key), clean(key, item)]),
  );
}

/**
 * What may hide in running text. In this order, because a track begins with a card number.
 *
 * - a track: at least eight digits, a separator, at least seven more digits
 * - hexadecimal of 16 digits and more: keys, PIN blocks, sealed values (a journal head is logged under a name)
 * - card numbers: 13 to 19 digits with a right check digit, also grouped by blanks or hyphens
 * - `PIN 123456`, `密码:123456`
 */
function cleanText(text: string): string {
  return text
    .replaceAll(/\d{8,19}[=D^]\d{7,}\S*/gi, HIDDEN)
    .replaceAll(/%?B\d{8,19}\^[^^]*\^\S*/g, HIDDEN)
    .replaceAll(/(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}[ :]?){8,}(?![0-9A-Za-z])/g, hexOrCard)
    .replaceAll(/(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)/g, (digits) =>
      isCardNumber(digits) ? masked(digits) : digits,
    )
    .replaceAll(/((?:PIN|密码|passphrase|口令)\S{0,12}?[\s:=]{1,3})[^\s,;"]{4,}/gi, `$1${HIDDEN}`);
}

/** Sixteen digits are hexadecimal too: a card number is masked, other plain digits are left to the next rule. */
function hexOrCard(found: string): string {
  const bare = found.replaceAll(/[ :]/g, '');
  if (!/^\d+$/.test(bare)) return HIDDEN;
  if (isCardNumber(bare)) return masked(bare);
  return bare.length > 19 ? HIDDEN : found;
}

/** Fifteen digits that begin with 8 are a merchant number of the bank-card system, never a card: those have 34, 37 or 1. */
function isCardNumber(digits: string): boolean {
  const bare = digits.replaceAll(/[ -]/g, '');
  return /^\d{13,19}$/.test(bare) && !/^8\d{14}$/.test(bare) && isLuhnValid(bare);
}

function masked(digits: string): string {
  return maskPan(digits.replaceAll(/[ -]/g, ''));
}
