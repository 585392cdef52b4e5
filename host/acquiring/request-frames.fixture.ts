/** Requests as the dialect's pages write them, sealed by a test's terminal. Amounts in fen. */
import type { Fields, Parsed, TestCard, WireTerminal } from './wire-terminal.fixture.ts';

const yuan12 = (fenAmount: number) => String(fenAmount).padStart(12, '0');

export function saleFrame(
  terminal: WireTerminal,
  card: TestCard,
  amount: number,
  fields: Fields = {},
): Buffer {
  const common = {
    3: '000000',
    4: yuan12(amount),
    11: terminal.nextTrace(),
    25: '00',
    60: terminal.de60('22'),
  };
  return terminal.sealed('0200', { ...common, ...terminal.swipe(card), ...fields });
}

export function balanceFrame(terminal: WireTerminal, card: TestCard, fields: Fields = {}): Buffer {
  const common = { 3: '310000', 11: terminal.nextTrace(), 25: '00', 60: terminal.de60('01') };
  return terminal.sealed('0200', { ...common, ...terminal.swipe(card), ...fields });
}

/** @param original the approved answer; without a card, as a terminal may */
export function voidFrame(terminal: WireTerminal, original: Parsed, fields: Fields = {}): Buffer {
  const { 4: amount = '', 11: trace = '', 37: rrn = '', 60: de60 = '' } = original.fields;
  return terminal.sealed('0200', {
    3: '200000',
    4: amount,
    11: terminal.nextTrace(),
    22: '012',
    25: '00',
    37: rrn,
    60: terminal.de60('23'),
    61: de60.slice(2, 8) + trace,
    ...fields,
  });
}

export function refundFrame(
  terminal: WireTerminal,
  card: TestCard,
  original: Parsed,
  amount: number,
  fields: Fields = {},
): Buffer {
  const { 13: date = '', 37: rrn = '' } = original.fields;
  return terminal.sealed('0220', {
    3: '200000',
    4: yuan12(amount),
    11: terminal.nextTrace(),
    25: '00',
    37: rrn,
    60: terminal.de60('25'),
    61: `000000000000${date}`,
    63: '000',
    ...terminal.swipe(card, null),
    ...fields,
  });
}

export function preAuthorisationFrame(
  terminal: WireTerminal,
  card: TestCard,
  amount: number,
  fields: Fields = {},
): Buffer {
  const common = {
    3: '030000',
    4: yuan12(amount),
    11: terminal.nextTrace(),
    25: '06',
    60: terminal.de60('10'),
  };
  return terminal.sealed('0100', { ...common, ...terminal.swipe(card), ...fields });
}

/** The void of a pre-authorisation, its completion, or the completion's void. */
export function holdFrame(
  terminal: WireTerminal,
  kind: 'void' | 'completion' | 'completion void',
  original: Parsed,
  amount: number,
  fields: Fields = {},
): Buffer {
  const { 11: trace = '', 13: date = '', 37: rrn = '', 38: auth = '', 60: de60 = '' } = original.fields;
  const [mti, de3, type] = {
    void: ['0100', '200000', '11'],
    completion: ['0200', '000000', '20'],
    'completion void': ['0200', '200000', '21'],
  }[kind] as [string, string, string];
  return terminal.sealed(mti, {
    3: de3,
    4: yuan12(amount),
    11: terminal.nextTrace(),
    22: '012',
    25: '06',
    38: auth,
    60: terminal.de60(type),
    61: `${de60.slice(2, 8)}${trace}${date}`,
    ...(kind === 'completion void' ? { 37: rrn } : {}),
    ...fields,
  });
}

/** A 0400 for a request, of which it keeps DE3, 4, 11, 22, 25 and 60. */
export function reversalFrame(
  terminal: WireTerminal,
  original: {
    readonly de3: string;
    readonly amount: number;
    readonly trace: string;
    readonly de25?: string;
    readonly type: string;
    readonly batch?: number;
  },
  fields: Fields = {},
): Buffer {
  return terminal.sealed('0400', {
    3: original.de3,
    4: yuan12(original.amount),
    11: original.trace,
    22: '021',
    25: original.de25 ?? '00',
    39: '98',
    60: terminal.de60(original.type, '000', original.batch ?? terminal.batch),
    ...fields,
  });
}
