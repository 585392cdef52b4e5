/** Requests as the dialect's pages write them, sealed by a test's terminal. Amounts in fen. */
import {
  buildBody,
  buildItems,
  type Fields,
  type Parsed,
  type TestCard,
  type WireTerminal,
  wrap,
} from './wire-terminal.fixture.ts';

const yuan12 = (fenAmount: number) => String(fenAmount).padStart(12, '0');
const count3 = (count: number) => String(count).padStart(3, '0');

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

type Items = readonly (readonly [string, string])[];
const withItems = (items: Items) => (items.length === 0 ? {} : { 57: buildItems(items) });

/** One side of DE48 of 0500: gross debit, how many, gross credit, how many. Fen. */
export const side = (debit: number, debits: number, credit: number, credits: number) =>
  yuan12(debit) + count3(debits) + yuan12(credit) + count3(credits);
export const NO_SIDE = side(0, 0, 0, 0);

/** 0500. @param own the side of own cards; foreign ones there are none */
export function settleFrame(terminal: WireTerminal, own: string, items: Items = []): Buffer {
  const fields = {
    11: terminal.nextTrace(),
    41: terminal.id,
    42: terminal.merchantId,
    48: `${own}0${NO_SIDE}0`,
    49: '156',
    60: terminal.de60('00', '201'),
    63: '01 ',
  };
  return wrap(buildBody('0500', { ...fields, ...withItems(items) }));
}

/** 0320: items with code 201, their end with 202. */
export function uploadFrame(terminal: WireTerminal, de48: string, code = '201', items: Items = []): Buffer {
  const fields = {
    11: terminal.nextTrace(),
    41: terminal.id,
    42: terminal.merchantId,
    48: de48,
    60: terminal.de60('00', code),
  };
  return wrap(buildBody('0320', { ...fields, ...withItems(items) }));
}

/** One item of an upload. @param amount fen */
export const uploadItem = ({ pan }: TestCard, trace: string, amount: number) =>
  `00${trace}${pan.padStart(20, '0')}${yuan12(amount)}`;
